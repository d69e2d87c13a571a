import { Injectable, Logger } from '@nestjs/common';
import { CircuitBreaker } from '../circuit-breaker/circuit-breaker.js';
import { gateOf } from '../circuit-breaker/circuit.js';
import { Config } from '../config/config.js';
import type { LoadedDelivery } from './load.query.js';
import type { Outcome } from './outcome.js';
import type { MadeAttempt } from './record.query.js';

/** Between a delivery and its endpoint's circuit. */
@Injectable()
export class CircuitGate {
  private readonly logger = new Logger(CircuitGate.name);

  constructor(
    private readonly circuits: CircuitBreaker,
    private readonly config: Config,
  ) {}

  /** Null when the delivery may be sent. A manual attempt on a settled one may: somebody wants to know now. */
  async hold(delivery: LoadedDelivery): Promise<Outcome | null> {
    if (delivery.settled_status !== null) return null;
    const view = {
      state: delivery.circuit_state,
      probeDeliveryId: delivery.circuit_probe_delivery_id,
      probeDue: delivery.circuit_probe_due,
    };
    const gate = gateOf(view, delivery.id);
    if (gate === 'pass') return null;
    const lostAfterMs = delivery.timeout_ms + this.config.leaseSeconds * 1_000;
    if (gate === 'claim' && (await this.circuits.claimProbe(delivery.endpoint_id, delivery.id, lostAfterMs)))
      return null;
    return { kind: 'held', by: 'circuit', waitMs: null };
  }

  /** Tells how an attempt went, once its outcome is written. Should this be lost, the next failure tells as much. */
  tell(delivery: LoadedDelivery, { result }: MadeAttempt): void {
    if (result.error?.code === 'address_refused') return;
    const succeeded = result.error === null;
    if (succeeded) this.circuits.noteSuccess(delivery.endpoint_id);
    const atRest = (delivery.circuit_state ?? 'closed') === 'closed' && delivery.circuit_failures === 0;
    if (succeeded && atRest) return;
    this.circuits
      .report({ endpointId: delivery.endpoint_id, deliveryId: delivery.id, succeeded })
      .catch((error: unknown) => this.logger.warn(`A circuit was not told of an attempt: ${String(error)}`));
  }
}

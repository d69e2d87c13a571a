import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { resolveRetryPolicy } from '../deliveries/retry-policy.js';
import { Feeder } from '../feeder/feeder.service.js';
import type { LeasedDelivery } from '../queue/delivery-queue.js';
import { AttemptMaker } from './attempt-maker.js';
import { AttemptMetrics } from './attempt-metrics.js';
import { CircuitGate } from './circuit-gate.js';
import { DeliveryLimiter } from './delivery-limiter.js';
import { DeliveryStore } from './delivery-store.js';
import type { LoadedDelivery } from './load.query.js';
import { outcomeOfAttempt, outcomeWithoutAttempt } from './outcome.js';
import { PayloadRoom } from './payload-room.js';
import type { Report } from './record.query.js';

/** What an attempt needs of its lease beyond its own deadline: to be written down. */
const RECORDING_MARGIN_MS = 15_000;
const HOUR_MS = 3_600_000;
/** Of payloads in hand, in characters; up to twice as much for a moment, where all are of the longest. */
const PAYLOAD_ROOM = 64 * 1024 * 1024;

/**
 * One job: load, see whether it may be sent, sign, send, record. What the endpoint does is an outcome; what is thrown here is
 * a fault of our own, spends no attempt, and is made good by the feeder when the lease has run out.
 */
@Injectable()
export class DeliveryProcessor {
  private readonly room = new PayloadRoom(PAYLOAD_ROOM);

  constructor(
    private readonly store: DeliveryStore,
    private readonly circuit: CircuitGate,
    private readonly limiter: DeliveryLimiter,
    private readonly attempts: AttemptMaker,
    private readonly feeder: Feeder,
    private readonly metrics: AttemptMetrics,
    private readonly config: Config,
  ) {}

  process(job: LeasedDelivery): Promise<void> {
    return this.room.run(async (holds) => {
      const loadedAt = performance.now();
      const delivery = await this.store.load(job);
      if (delivery === null) return;
      holds(delivery.payload?.length ?? 0);
      if (!(await this.holdsLease(delivery))) return;
      const report = await this.decide(delivery, loadedAt);
      const written = await this.store.record(report).finally(() => report.attempt?.span?.end());
      if (report.attempt !== null) this.circuit.tell(delivery, report.attempt);
      this.metrics.count(report, written);
      this.feeder.completed(delivery.tenant_id, delivery.endpoint_id);
    });
  }

  /** An attempt must not outlive its lease, or another worker would make it as well. */
  private async holdsLease(delivery: LoadedDelivery): Promise<boolean> {
    if (delivery.url === null || delivery.lease_left_ms > delivery.timeout_ms + RECORDING_MARGIN_MS) return true;
    return this.store.extendLease(delivery);
  }

  private async decide(delivery: LoadedDelivery, loadedAt: number): Promise<Report> {
    const policy = resolveRetryPolicy(
      delivery.retry_policy,
      delivery.tenant_retry_policy,
      this.config.defaultRetryPolicy,
    );
    const { maxAttempts } = policy;
    const settled =
      outcomeWithoutAttempt(delivery, this.config.maxDeliveryAgeHours * HOUR_MS) ??
      (await this.circuit.hold(delivery)) ??
      (await this.limiter.hold(delivery));
    if (settled !== null) return { delivery, outcome: settled, attempt: null, maxAttempts };
    const attempt = await this.attempts.make(delivery, loadedAt);
    return { delivery, outcome: outcomeOfAttempt(delivery, policy, attempt.result, Math.random), attempt, maxAttempts };
  }
}

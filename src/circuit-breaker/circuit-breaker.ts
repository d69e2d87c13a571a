import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import type { DataSource, EntityManager } from 'typeorm';
import { SYSTEM } from '../audit/actor.js';
import { factsOf } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { Batcher } from '../common/batcher.js';
import { Config } from '../config/config.js';
import { OperationalEvents, type OperationalEvent } from '../operational-events/operational-events.js';
import { hasFailedTooLong, NEW_CIRCUIT, nextCircuit, type Observation } from './circuit.js';
import {
  claimProbe,
  disableFailing,
  insertTransitions,
  lockCircuits,
  writeCircuits,
  type StoredCircuit,
} from './circuits.query.js';

/** An attempt's result, as far as the circuit cares. */
export interface CircuitReport {
  endpointId: string;
  deliveryId: string;
  succeeded: boolean;
}

const HOUR_MS = 3_600_000;

/**
 * The circuits of endpoints, shared by all workers through PostgreSQL. A healthy endpoint costs nothing: only failures, and
 * successes of an endpoint that was seen failing, are written.
 */
@Injectable()
export class CircuitBreaker {
  private readonly batcher: Batcher<CircuitReport, void>;
  /** When this worker last saw an endpoint succeed, in ms of its own monotonic clock. */
  private readonly successes = new LRUCache<string, number>({ max: 50_000 });

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly operationalEvents: OperationalEvents,
    private readonly config: Config,
  ) {
    this.batcher = new Batcher((reports) => this.flush(reports), { maxItems: 500 });
  }

  /** Cheap, for every success. */
  noteSuccess(endpointId: string): void {
    this.successes.set(endpointId, performance.now());
  }

  /** For every failure, and for successes of an endpoint whose circuit isn't at rest. */
  report(report: CircuitReport): Promise<void> {
    return this.batcher.add(report);
  }

  /** Whether this delivery may be sent as its endpoint's probe. */
  claimProbe(endpointId: string, deliveryId: string, lostAfterMs: number): Promise<boolean> {
    return claimProbe(this.db, endpointId, deliveryId, lostAfterMs);
  }

  private async flush(reports: CircuitReport[]): Promise<void[]> {
    const byEndpoint = new Map<string, CircuitReport[]>();
    for (const report of reports) {
      const known = byEndpoint.get(report.endpointId);
      if (known === undefined) byEndpoint.set(report.endpointId, [report]);
      else known.push(report);
    }
    await this.db.transaction((manager) => this.apply(manager, byEndpoint));
    return reports.map(() => undefined);
  }

  private async apply(manager: EntityManager, byEndpoint: Map<string, CircuitReport[]>): Promise<void> {
    const { circuits, nowMs } = await lockCircuits(manager, [...byEndpoint.keys()].sort());
    const events: OperationalEvent[] = [];
    const moved: StoredCircuit[] = [];
    const after: StoredCircuit[] = [];
    for (const before of circuits) {
      const seen = this.observe(byEndpoint.get(before.endpointId) ?? [], nowMs);
      const circuit = { ...before, ...nextCircuit(before, seen, nowMs) };
      const disabled = await this.giveUp(manager, circuit, nowMs);
      // With the endpoint disabled there is nothing to probe: what waits is let through to become dead letters.
      const written = disabled ? { ...circuit, ...NEW_CIRCUIT, closedAt: nowMs } : circuit;
      after.push(written);
      if (written.state !== before.state) moved.push(written);
      if (disabled) events.push(eventOf('posthaste.endpoint.disabled', circuit, { reason: 'failing' }));
      else if (circuit.state === 'open' && before.state === 'closed') {
        const details = { consecutive_failures: circuit.consecutiveFailures, next_probe_at: iso(circuit.nextProbeAt) };
        events.push(eventOf('posthaste.endpoint.circuit_opened', circuit, details));
      } else if (circuit.state === 'closed' && before.state !== 'closed') {
        events.push(eventOf('posthaste.endpoint.recovered', circuit, { opened_at: iso(before.openedAt) }));
      }
    }
    if (after.length > 0) await writeCircuits(manager, after);
    if (moved.length > 0) await insertTransitions(manager, moved);
    await this.operationalEvents.emit(manager, events);
  }

  private observe(reports: CircuitReport[], nowMs: number): Observation {
    const lastSuccess = reports.findLastIndex(({ succeeded }) => succeeded);
    const failed = reports.filter(({ succeeded }) => !succeeded);
    const knownAt = reports[0] === undefined ? undefined : this.successes.get(reports[0].endpointId);
    return {
      lastSuccessAt: knownAt === undefined ? null : nowMs - (performance.now() - knownAt),
      succeeded: lastSuccess !== -1,
      failures: lastSuccess === -1 ? failed.length : reports.length - 1 - lastSuccess,
      failedDeliveryIds: failed.map(({ deliveryId }) => deliveryId),
    };
  }

  private async giveUp(manager: EntityManager, circuit: StoredCircuit, nowMs: number): Promise<boolean> {
    const { disableAfterHours } = this.config;
    if (disableAfterHours === 0 || !hasFailedTooLong(circuit, disableAfterHours * HOUR_MS, nowMs)) return false;
    const { endpointId, tenantId } = circuit;
    if (!(await disableFailing(manager, endpointId))) return false;
    const changes = factsOf({ disabled_reason: 'failing' });
    await recordAction(manager, SYSTEM, { tenantId, action: 'endpoint.disabled', subjectId: endpointId, changes });
    return true;
  }
}

const eventOf = (
  type: OperationalEvent['type'],
  { endpointId, tenantId }: StoredCircuit,
  details: Record<string, unknown>,
): OperationalEvent => ({ type, tenantId, endpointId, data: { endpoint_id: endpointId, ...details } });

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

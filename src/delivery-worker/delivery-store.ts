import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { Batcher } from '../common/batcher.js';
import { isDatabaseUnavailable, isTransient } from '../common/database-errors.js';
import { Config } from '../config/config.js';
import type { LeasedDelivery } from '../queue/delivery-queue.js';
import { AttemptFeed } from '../stream/attempt-feed.js';
import { OperationalEvents, type OperationalEvent } from '../operational-events/operational-events.js';
import { isOperationalType } from '../events/event-types.js';
import type { DisabledEndpoint } from './consequences.query.js';
import { extendLeases, loadDeliveries, type LoadedDelivery } from './load.query.js';
import { recordReports, type Report } from './record.query.js';
import { streamedAttemptOf } from './streamed-attempt.js';

const BATCH = 200;
const MAX_FLUSHES = 2;
const LOAD_PACE_MS = 5;
/** The receiver has answered already: nobody waits for what is written then but the delivery's place. */
const RECORD_PACE_MS = 20;
/** A batch of large payloads is cut, so that one statement never carries more than this. */
const MAX_RECORD_WEIGHT = 4 * 1024 * 1024;

/** The worker's way to PostgreSQL: jobs that run side by side share their look-ups and their writes. */
@Injectable()
export class DeliveryStore {
  private readonly loads: Batcher<LeasedDelivery, LoadedDelivery | null>;
  private readonly extensions: Batcher<LoadedDelivery, boolean>;
  private readonly records: Batcher<Report, boolean>;

  constructor(
    @InjectDataSource() db: DataSource,
    private readonly config: Config,
    operationalEvents: OperationalEvents,
    private readonly feed: AttemptFeed,
  ) {
    this.loads = new Batcher(
      async (jobs) => {
        const loaded = await loadDeliveries(db, jobs);
        return jobs.map(({ deliveryId, leaseNo }) => {
          const delivery = loaded.get(deliveryId);
          return delivery?.lease_no === leaseNo ? delivery : null;
        });
      },
      { maxItems: BATCH, maxFlushes: MAX_FLUSHES, paceMs: LOAD_PACE_MS },
    );
    this.extensions = new Batcher(
      async (deliveries) => {
        const extended = await extendLeases(db, deliveries, config.leaseSeconds);
        return deliveries.map((delivery) => extended.has(delivery));
      },
      { maxItems: BATCH },
    );
    this.records = new Batcher(
      async (reports) => {
        const written = await recordReports(db, reports, (manager, deadLettered, disabled) =>
          operationalEvents.emit(manager, operationalEventsOf(deadLettered, disabled)),
        );
        this.tellReaders(reports, written);
        return reports.map((report) => written.has(report));
      },
      {
        maxItems: BATCH,
        maxFlushes: MAX_FLUSHES,
        paceMs: RECORD_PACE_MS,
        weightOf: ({ attempt }) => attempt?.result.responseBody.length ?? 0,
        maxWeight: MAX_RECORD_WEIGHT,
      },
    );
  }

  /** Null when the job is void: the delivery is settled, or its lease is another's. */
  load(job: LeasedDelivery): Promise<LoadedDelivery | null> {
    return this.untilBack(() => this.loads.add(job), 10_000);
  }

  /** Whether the lease was still ours and lasts now for another whole term. */
  extendLease(delivery: LoadedDelivery): Promise<boolean> {
    return this.extensions.add(delivery);
  }

  /**
   * Whether the outcome was written; false when the lease was lost meanwhile. An attempt that was made must be told of, so
   * this waits out a restart of PostgreSQL for as long as the lease may hold.
   */
  record(report: Report): Promise<boolean> {
    return this.untilBack(() => this.records.add(report), this.config.leaseSeconds * 1_000);
  }

  /** Of what is committed, so that a reader who looks it up finds it. */
  private tellReaders(reports: Report[], written: ReadonlySet<Report>): void {
    for (const report of reports) {
      const { delivery, attempt } = report;
      if (attempt === null || !this.feed.hasReaders(delivery.tenant_id)) continue;
      this.feed.tell(delivery.tenant_id, streamedAttemptOf(report, attempt, written.has(report)));
    }
  }

  /** Tries again while PostgreSQL is away or answers with a deadlock, up to `maxMs`. */
  private async untilBack<T>(action: () => Promise<T>, maxMs: number): Promise<T> {
    const giveUpAt = performance.now() + maxMs;
    for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1_000)) {
      try {
        return await action();
      } catch (error) {
        const passing = isDatabaseUnavailable(error) || isTransient(error);
        if (!passing || performance.now() + waitMs > giveUpAt) throw error;
        await delay(waitMs);
      }
    }
  }
}

/** What the tenant is told. Of a dead letter that was itself such a message nothing: that would never end. */
function operationalEventsOf(deadLettered: Report[], disabled: DisabledEndpoint[]): OperationalEvent[] {
  const told = deadLettered.filter(({ delivery }) => !isOperationalType(delivery.event_type ?? ''));
  const events = told.map(({ delivery, outcome }): OperationalEvent => {
    const { id, tenant_id, endpoint_id, event_id, event_type } = delivery;
    const reason = outcome.kind === 'dead_letter' ? outcome.reason : null;
    return {
      type: 'posthaste.delivery.dead_lettered',
      tenantId: tenant_id,
      endpointId: endpoint_id,
      data: { delivery_id: id, event_id, event_type, endpoint_id, reason },
    };
  });
  for (const { id, tenantId } of disabled) {
    const data = { endpoint_id: id, reason: 'gone' };
    events.push({ type: 'posthaste.endpoint.disabled', tenantId, endpointId: id, data });
  }
  return events;
}

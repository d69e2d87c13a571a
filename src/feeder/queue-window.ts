import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { countLeased, type LeasedCount } from './count-leased.query.js';
import { lookAgainAfter } from './look-again.js';

/** How long a count of what is queued is good for; between two counts a process adds its own. */
const COUNT_MS = 200;
/** … while somebody finds no room: other processes may have freed places since, and what is refused takes the long way. */
const CROWDED_COUNT_MS = 25;
/**
 * Nearly all leases are settled within a second, and what a count reads are mostly those of the minute before. So older ones are counted
 * each time only as long as that is cheap: otherwise one part of the time in so many, and every few seconds in any case.
 */
const RECENT_SECONDS = 1;
const COUNT_OLDER = { mostMs: 5_000, share: 100 };

/**
 * How much of the queue each endpoint and tenant holds. The bounds are where fairness lives: an endpoint that hangs can hold
 * no more of the workers than its share, and the queue's memory does not grow with the backlog.
 *
 * The truth is in PostgreSQL (leased deliveries); every process counts it there now and then and adds its own in between,
 * so with several processes the bounds are kept roughly, within what they enqueue in a fifth of a second.
 */
@Injectable()
export class QueueWindow {
  private countedAt = -Infinity;
  private counting: Promise<void> | null = null;
  private countTookMs = 0;
  private countedOlderAt = -Infinity;
  private countOlderAt = -Infinity;
  private older: LeasedCount[] = [];
  private isCrowded = false;
  private total = 0;
  private byEndpoint = new Map<string, number>();
  private byTenant = new Map<string, number>();

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly config: Config,
  ) {}

  /** Counts anew when the last count is too old. */
  async refresh(maxAgeMs = this.goodForMs()): Promise<void> {
    if (performance.now() - this.countedAt < maxAgeMs) return;
    this.counting ??= this.count().finally(() => {
      this.counting = null;
    });
    await this.counting;
  }

  /** Takes a place when there is one. */
  admit(tenantId: string, endpointId: string): boolean {
    if (this.room(tenantId, endpointId) === 0) {
      this.isCrowded = true;
      return false;
    }
    this.take(tenantId, endpointId, 1);
    return true;
  }

  /** Places that an endpoint could still take. */
  room(tenantId: string, endpointId: string): number {
    const { queueWindowPerEndpoint, queueWindowPerTenant, queueWindowTotal } = this.config;
    return Math.max(
      0,
      Math.min(
        queueWindowPerEndpoint - (this.byEndpoint.get(endpointId) ?? 0),
        queueWindowPerTenant - (this.byTenant.get(tenantId) ?? 0),
        queueWindowTotal - this.total,
      ),
    );
  }

  /** What an endpoint holds now. */
  queued(endpointId: string): number {
    return this.byEndpoint.get(endpointId) ?? 0;
  }

  /** @param places negative gives places back */
  take(tenantId: string, endpointId: string, places: number): void {
    this.total += places;
    this.byEndpoint.set(endpointId, (this.byEndpoint.get(endpointId) ?? 0) + places);
    this.byTenant.set(tenantId, (this.byTenant.get(tenantId) ?? 0) + places);
  }

  private goodForMs(): number {
    if (!this.isCrowded) return COUNT_MS;
    return lookAgainAfter(this.countTookMs, { leastMs: CROWDED_COUNT_MS, mostMs: COUNT_MS });
  }

  private async count(): Promise<void> {
    const startedAt = performance.now();
    // So long had those still to go that were recent when the others were counted.
    const splitSeconds = this.config.leaseSeconds - RECENT_SECONDS - (startedAt - this.countedOlderAt) / 1_000;
    const isRecentOnly = startedAt < this.countOlderAt && splitSeconds > 0;
    const rows = isRecentOnly
      ? [...this.older, ...(await countLeased(this.db, splitSeconds, splitSeconds))]
      : await countLeased(this.db, 0, this.config.leaseSeconds - RECENT_SECONDS);
    this.total = 0;
    this.byEndpoint = new Map();
    this.byTenant = new Map();
    for (const row of rows) this.take(row.tenant_id, row.endpoint_id, row.leased);
    this.isCrowded = false;
    this.countedAt = performance.now();
    this.countTookMs = this.countedAt - startedAt;
    if (isRecentOnly) return;
    this.older = rows.filter((row) => !row.is_recent);
    this.countedOlderAt = startedAt;
    this.countOlderAt = startedAt + lookAgainAfter(this.countTookMs, COUNT_OLDER);
  }
}

import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { isDatabaseUnavailable } from '../common/database-errors.js';
import { Config } from '../config/config.js';
import { DeliveryQueue, type LeasedDelivery } from '../queue/delivery-queue.js';
import { CircuitsInForce, RECOVERY_PLACES } from '../circuit-breaker/circuits-in-force.js';
import { findWaitingEndpoints } from './find-waiting-endpoints.query.js';
import { giveBack, lease, lockDue, putAside, type DueDelivery } from './lease-due.query.js';
import { lockForPlaces } from './lock-for-places.js';
import { lookAgainAfter } from './look-again.js';
import { QueueWindow } from './queue-window.js';

const TICK_MS = 200;
/** Due deliveries that one transaction takes. */
const BATCH = 500;
/** Endpoints that have deliveries waiting for a place are looked for at least this often, and at each tick where that is cheap. */
const FIND_WAITING_MS = 1_000;
const MAX_WAITING_ENDPOINTS = 10_000;
/**
 * A look at what is due begins where the last one ended, less so much for transactions that commit late. For what is later still (a
 * clock that was set, another feeder that died) all is looked at again: each second where that is cheap, otherwise for one part of the
 * time in so many, and each minute in any case.
 */
const LATE_COMMIT_SECONDS = 10;
const LOOK_AT_ALL = { leastMs: 1_000, mostMs: 60_000, share: 100 };
/** After the queue refused jobs: leasing and giving back at every tick would only churn rows. */
const PAUSE_AFTER_REFUSAL_MS = 1_000;

/**
 * The relay between PostgreSQL and the queue: whatever is due and not leased enters the queue, up to each endpoint's and
 * tenant's share. It is what makes the queue rebuildable, and the only guarantee there is: the ingest path's own enqueueing
 * is a short cut that may fail or be cut off at any moment.
 */
@Injectable()
export class Feeder implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Feeder.name);
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;
  private running: Promise<void> | null = null;
  private refilling: Promise<void> | null = null;
  /** Endpoints that have deliveries waiting for a place, with their tenant. */
  private waitingEndpoints = new Map<string, string>();
  private findWaitingAt = -Infinity;
  private lookedAt = -Infinity;
  private lookAtAllAt = -Infinity;
  private pausedUntil = -Infinity;
  /** Places that completions of this process have freed, by endpoint: those it may fill again without counting. */
  private freed = new Map<string, number>();

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly queue: DeliveryQueue,
    private readonly window: QueueWindow,
    private readonly circuits: CircuitsInForce,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule(0);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await Promise.allSettled([this.running, this.refilling]);
  }

  /** Deliveries of this endpoint have left the queue: fill their places at once, so that the tick doesn't cap the rate. */
  completed(tenantId: string, endpointId: string): void {
    this.window.take(tenantId, endpointId, -1);
    if (this.stopped || !this.waitingEndpoints.has(endpointId)) return;
    if (this.circuits.passage(endpointId) === 'blocked') return;
    this.freed.set(endpointId, (this.freed.get(endpointId) ?? 0) + 1);
    this.startRefilling();
  }

  /** Never beside a tick: what one has leased and not committed is not in the other's count, and places would go twice. */
  private startRefilling(): void {
    if (this.running !== null || this.freed.size === 0) return;
    this.refilling ??= this.refillFreed().finally(() => {
      this.refilling = null;
    });
  }

  private schedule(delayMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.tick().finally(() => {
        this.running = null;
        this.startRefilling();
        this.schedule(TICK_MS);
      });
    }, delayMs);
  }

  private async tick(): Promise<void> {
    if (!this.queue.available || performance.now() < this.pausedUntil) return;
    try {
      await this.refilling;
      await Promise.all([this.window.refresh(0), this.circuits.refresh()]);
      await this.feedDue();
      await this.feedWaiting();
    } catch (error) {
      this.report(error);
    }
  }

  private async feedDue(): Promise<void> {
    while (!this.stopped) {
      const startedAt = performance.now();
      const isAll = startedAt >= this.lookAtAllAt;
      const sinceSeconds = (startedAt - this.lookedAt) / 1_000 + LATE_COMMIT_SECONDS;
      const seen = await this.feedBatch(isAll ? null : sinceSeconds);
      if (seen >= BATCH) continue;
      const tookMs = performance.now() - startedAt;
      this.lookedAt = startedAt;
      if (isAll) this.lookAtAllAt = startedAt + lookAgainAfter(tookMs, LOOK_AT_ALL);
      return;
    }
  }

  /** @returns how many it looked at: fewer than a batch when there are no more */
  private async feedBatch(sinceSeconds: number | null): Promise<number> {
    const { seen, leased } = await this.db.transaction(async (manager) => {
      const due = await lockDue(manager, BATCH, sinceSeconds);
      const admitted: DueDelivery[] = [];
      // Put aside, or they would stand in front of every other tenant's at each tick.
      const aside = { fairness: [] as DueDelivery[], circuit: [] as DueDelivery[] };
      for (const delivery of due) {
        const { tenant_id, endpoint_id } = delivery;
        const blocked = this.circuits.passage(endpoint_id) === 'blocked' && !this.circuits.takeProbe(endpoint_id);
        if (blocked) aside.circuit.push(delivery);
        else if (this.window.admit(tenant_id, endpoint_id)) admitted.push(delivery);
        else aside.fairness.push(delivery);
      }
      for (const reason of ['fairness', 'circuit'] as const) {
        if (aside[reason].length === 0) continue;
        await putAside(
          manager,
          reason,
          aside[reason].map(({ id }) => id),
        );
        for (const { endpoint_id, tenant_id } of aside[reason]) this.waitingEndpoints.set(endpoint_id, tenant_id);
      }
      return { seen: due.length, leased: await this.leaseAll(manager, admitted) };
    });
    await this.enqueue(leased);
    return seen;
  }

  private async feedWaiting(): Promise<void> {
    const startedAt = performance.now();
    if (startedAt >= this.findWaitingAt) {
      const found = await Promise.all([
        findWaitingEndpoints(this.db, 'circuit', MAX_WAITING_ENDPOINTS),
        findWaitingEndpoints(this.db, 'fairness', MAX_WAITING_ENDPOINTS),
      ]);
      this.waitingEndpoints = new Map(found.flat().map((row) => [row.endpoint_id, row.tenant_id]));
      const tookMs = performance.now() - startedAt;
      this.findWaitingAt = startedAt + lookAgainAfter(tookMs, { mostMs: FIND_WAITING_MS });
    }
    // The count is fresh, so what completions noted meanwhile is in it; but for leases that it takes from an older one, for a moment.
    this.freed.clear();
    const rooms = new Map<string, number>();
    for (const [endpointId, tenantId] of this.waitingEndpoints) {
      const room = this.roomOf(tenantId, endpointId);
      if (room === 0) continue;
      rooms.set(endpointId, room);
      // Taken before it is filled, so that a tenant with many endpoints doesn't get its share once for each.
      this.window.take(tenantId, endpointId, room);
    }
    await this.refill(rooms);
  }

  private roomOf(tenantId: string, endpointId: string): number {
    const room = this.window.room(tenantId, endpointId);
    switch (this.circuits.passage(endpointId)) {
      case 'free':
        return room;
      case 'slow':
        return Math.max(0, Math.min(room, RECOVERY_PLACES - this.window.queued(endpointId)));
      case 'blocked':
        return room > 0 && this.circuits.takeProbe(endpointId) ? 1 : 0;
    }
  }

  private async refillFreed(): Promise<void> {
    try {
      while (!this.stopped && this.running === null && this.freed.size > 0) {
        // Completions of one turn come together.
        await new Promise((resolve) => setImmediate(resolve));
        const rooms = this.freed;
        this.freed = new Map();
        for (const [endpointId, room] of rooms) {
          const tenantId = this.waitingEndpoints.get(endpointId);
          if (tenantId === undefined) rooms.delete(endpointId);
          else this.window.take(tenantId, endpointId, room);
        }
        await this.refill(rooms);
      }
    } catch (error) {
      this.report(error);
    }
  }

  /** Fills places that were taken in the window for these endpoints. */
  private async refill(rooms: Map<string, number>): Promise<void> {
    if (rooms.size === 0) return;
    // In one order everywhere, for the sake of locks.
    const endpointIds = [...rooms.keys()].sort();
    const jobs = await this.db.transaction(async (manager) =>
      this.leaseAll(manager, await lockForPlaces(manager, endpointIds, rooms)),
    );
    const filled = new Map<string, number>();
    for (const { endpointId } of jobs) filled.set(endpointId, (filled.get(endpointId) ?? 0) + 1);
    for (const [endpointId, room] of rooms) {
      const missing = room - (filled.get(endpointId) ?? 0);
      const tenantId = this.waitingEndpoints.get(endpointId);
      if (missing > 0 && tenantId !== undefined) {
        this.window.take(tenantId, endpointId, -missing);
        // Fewer than there was room for: nothing waits any more. Should another feeder's lock have hidden some, the next look finds them.
        this.waitingEndpoints.delete(endpointId);
      }
    }
    await this.enqueue(jobs);
  }

  private async leaseAll(manager: EntityManager, deliveries: DueDelivery[]): Promise<LeasedDelivery[]> {
    if (deliveries.length === 0) return [];
    await lease(
      manager,
      deliveries.map(({ id }) => id),
      this.config.leaseSeconds,
    );
    return deliveries.map((delivery) => ({
      deliveryId: delivery.id,
      eventId: delivery.event_id,
      endpointId: delivery.endpoint_id,
      leaseNo: delivery.lease_no + 1,
    }));
  }

  private async enqueue(jobs: LeasedDelivery[]): Promise<void> {
    try {
      await this.queue.add(jobs);
    } catch (error) {
      this.pausedUntil = performance.now() + PAUSE_AFTER_REFUSAL_MS;
      // What is given back has been due for any time.
      this.lookAtAllAt = -Infinity;
      await giveBack(this.db.manager, jobs);
      throw error;
    }
  }

  private lastReportAt = 0;

  private report(error: unknown): void {
    const now = Date.now();
    if (now - this.lastReportAt < 10_000) return;
    this.lastReportAt = now;
    const what = isDatabaseUnavailable(error) ? 'PostgreSQL is away' : 'The queue could not be fed';
    this.logger.warn(`${what}; trying on: ${error instanceof Error ? error.message : String(error)}`);
  }
}

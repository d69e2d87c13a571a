import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { errorMessage } from '../common/error-message.js';
import { RollupBuffer, type CountedAttempt, type SettledStatus } from './rollup-buffer.js';
import { addToAttemptMinutes, addToTenantMinutes, readDatabaseClock } from './write-rollups.query.js';

const FLUSH_MS = 2_000;
/** Sums held of endpoints, and as many of tenants, while PostgreSQL is away: some 25 MB at most. */
const MAX_KEYS = 50_000;
/** Sums that one statement writes. */
const BATCH = 1_000;

/**
 * Counts events, attempts and settled deliveries by the minute, for `/stats` and endpoints' health. Counting is a sum in
 * memory, which is written every 2 s and at the end of the process.
 *
 * Statistics, not book-keeping: `kill -9` loses up to 2 s of them, a commit whose answer was lost is counted twice, and an
 * absence of PostgreSQL may last until 50,000 sums are held. Deliveries and attempts themselves are never lost this way.
 */
@Injectable()
export class Rollup implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger(Rollup.name);
  private readonly buffer = new RollupBuffer(MAX_KEYS);
  private timer: NodeJS.Timeout | null = null;
  private flushing: Promise<void> | null = null;
  private failing = false;
  private toldOfDrops = false;
  /** What the process's monotonic clock lacks to PostgreSQL's; the machine's own clock may be off, or be set meanwhile. */
  private clockOffsetMs = Date.now() - performance.now();

  constructor(@InjectDataSource() private readonly db: DataSource) {}

  /** Before the first count, so that none falls into the minute of a clock that is off. */
  async onModuleInit(): Promise<void> {
    await this.measureClock();
  }

  /** An attempt was made. */
  attempted(attempt: CountedAttempt): void {
    this.buffer.attempted(this.nowMs(), attempt);
    this.schedule();
  }

  /** An event was accepted, and fanned out to so many deliveries. */
  accepted(tenantId: string, deliveries: number): void {
    this.buffer.accepted(this.nowMs(), tenantId, deliveries);
    this.schedule();
  }

  /** Deliveries have ended. */
  settled(tenantId: string, status: SettledStatus, count = 1): void {
    if (count === 0) return;
    this.buffer.settled(this.nowMs(), tenantId, status, count);
    this.schedule();
  }

  /** Writes what is held; what can't be written is kept for the next time. Never throws. */
  async flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    // One at a time: what a flush under way puts back belongs into the next.
    while (this.flushing !== null) await this.flushing;
    if (this.buffer.isEmpty) return;
    this.flushing = this.write().finally(() => {
      this.flushing = null;
    });
    await this.flushing;
    if (!this.buffer.isEmpty) this.schedule();
  }

  /** By now the workers have drained. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.flush();
  }

  /** The API answers its last requests after the hook above. */
  async onApplicationShutdown(): Promise<void> {
    if (this.db.isInitialized) await this.flush();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private nowMs(): number {
    return performance.now() + this.clockOffsetMs;
  }

  private schedule(): void {
    if (this.timer !== null || this.flushing !== null) return;
    this.timer = setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  private async measureClock(): Promise<void> {
    const before = performance.now();
    const databaseMs = await readDatabaseClock(this.db);
    this.clockOffsetMs = databaseMs - (before + performance.now()) / 2;
  }

  private async write(): Promise<void> {
    const { endpoints, tenants } = this.buffer.take();
    try {
      await this.measureClock();
      while (endpoints.length > 0) {
        await addToAttemptMinutes(this.db, endpoints.slice(0, BATCH));
        endpoints.splice(0, BATCH);
      }
      while (tenants.length > 0) {
        await addToTenantMinutes(this.db, tenants.slice(0, BATCH));
        tenants.splice(0, BATCH);
      }
      this.failing = false;
    } catch (error) {
      this.buffer.putBack(endpoints, tenants);
      this.report(error);
    }
  }

  /** Once for each time that PostgreSQL is away, not every 2 s. */
  private report(error: unknown): void {
    if (!this.failing) this.logger.warn(`Statistics could not be written; they are kept: ${errorMessage(error)}`);
    this.failing = true;
    if (this.buffer.dropped === 0 || this.toldOfDrops) return;
    this.toldOfDrops = true;
    this.logger.warn(`More than ${MAX_KEYS} sums are held; the statistics of the oldest minutes are dropped.`);
  }
}

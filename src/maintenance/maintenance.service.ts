import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { removeOldEntries } from '../audit/remove-old-entries.query.js';
import { isTransient } from '../common/database-errors.js';
import { idBoundary } from '../common/ids.js';
import { Config } from '../config/config.js';
import {
  dropPartition,
  ensurePartitionsUnlessInUse,
  PARTITIONED_TABLES,
  partitionsBefore,
  startOfDay,
} from '../database/partitions.js';
import { Metrics } from '../metrics/metrics.js';
import { PostgresTokenBuckets } from '../rate-limit/postgres-token-buckets.js';
import { TokenBuckets } from '../rate-limit/token-buckets.js';
import { removeOldRollups } from '../stats/remove-old-rollups.query.js';
import { Rollup } from '../stats/rollup.service.js';
import { TenantRemovals } from '../tenants/tenant-removals.service.js';
import { expireBeforeDrop, expireUnleased, type SettledOfTenant } from './expire-deliveries.query.js';
import { releaseStaleHolds } from './release-stale-holds.query.js';
import {
  findShortRetentions,
  removeEndedSessions,
  removeExpiredKeys,
  removeOldDeadLetters,
  removeOldRecords,
  removeTenantRowsBefore,
} from './remove-old-rows.query.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Among PostgreSQL's advisory locks: one worker of the fleet does the work at a time. */
const LOCK_KEY = 5_071_846_292;

/** What must be done from time to time: partitions ahead, old data away, deliveries that are too old settled. */
@Injectable()
export class Maintenance implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Maintenance.name);
  private readonly timers: NodeJS.Timeout[] = [];
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly removals: TenantRemovals,
    private readonly buckets: TokenBuckets,
    private readonly metrics: Metrics,
    private readonly rollup: Rollup,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.start('settling what waits for nothing', () => this.settleForgotten(), MINUTE_MS);
    // Far more often than daily: a run costs little, and one that failed is made good within the hour.
    this.start('daily upkeep', () => this.upkeep(), HOUR_MS);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearInterval(timer);
    await this.running;
  }

  private start(what: string, job: () => Promise<void>, everyMs: number): void {
    const run = (): void => {
      this.running = this.running
        .then(() => (this.stopped ? undefined : this.alone(job)))
        .catch((error: unknown) => this.logger.error({ err: error }, `Failed: ${what}; it is tried again.`));
    };
    this.timers.push(setInterval(run, everyMs));
    run();
  }

  /** In one worker at a time; another that has the lock does it for us. */
  private async alone(job: () => Promise<void>): Promise<void> {
    const runner = this.db.createQueryRunner();
    try {
      const rows = (await runner.query(`SELECT pg_try_advisory_lock($1) AS mine`, [LOCK_KEY])) as { mine: boolean }[];
      if (rows[0]?.mine !== true) return;
      try {
        await job();
      } finally {
        await runner.query(`SELECT pg_advisory_unlock($1)`, [LOCK_KEY]);
      }
    } finally {
      await runner.release();
    }
  }

  private async settleForgotten(): Promise<void> {
    await releaseStaleHolds(this.db);
    await this.expireOldDeliveries();
  }

  async expireOldDeliveries(nowMs: number = Date.now()): Promise<void> {
    const beforeId = idBoundary(nowMs - this.config.maxDeliveryAgeHours * HOUR_MS);
    await this.expire(() => expireUnleased(this.db, beforeId));
  }

  async upkeep(nowMs: number = Date.now()): Promise<void> {
    await ensurePartitionsUnlessInUse(this.db, (line) => this.logger.warn(line), nowMs);
    await this.dropOldPartitions(nowMs);
    await this.removeShortRetentions(nowMs);
    await this.removeDeadLetters(nowMs);
    await this.remove('idempotency_keys', () => removeExpiredKeys(this.db));
    await this.remove('statistics', () => removeOldRollups(this.db, this.config.retentionDays));
    await this.remove('audit_log', () => removeOldEntries(this.db, this.config.auditRetentionDays, nowMs));
    await removeEndedSessions(this.db);
    await removeOldRecords(this.db, this.config.retentionDays);
    await this.removals.removePending();
    if (this.buckets instanceof PostgresTokenBuckets) await this.buckets.removeIdle(DAY_MS / 1_000);
  }

  private async dropOldPartitions(nowMs: number): Promise<void> {
    const cutoffMs = startOfDay(nowMs - this.config.retentionDays * DAY_MS);
    const old: string[] = [];
    for (const table of PARTITIONED_TABLES) old.push(...(await partitionsBefore(this.db, table, cutoffMs)));
    if (old.length === 0) return;
    await this.expire(() => expireBeforeDrop(this.db, idBoundary(cutoffMs)));
    for (const name of old) {
      try {
        await dropPartition(this.db, name);
        this.metrics.retentionRemoved.inc({ what: 'partitions' });
        this.logger.log(`Dropped ${name}: older than ${this.config.retentionDays} days.`);
      } catch (error) {
        // Somebody reads it, a backup perhaps; the rest of the upkeep must not wait for that.
        if (!isTransient(error)) throw error;
        this.logger.warn(`${name} is in use; dropping it is tried again in an hour.`);
      }
    }
  }

  private async removeShortRetentions(nowMs: number): Promise<void> {
    for (const { id, retention_days } of await findShortRetentions(this.db, this.config.retentionDays)) {
      const beforeId = idBoundary(nowMs - retention_days * DAY_MS);
      for (const table of PARTITIONED_TABLES) {
        await this.remove(table, () => removeTenantRowsBefore(this.db, table, id, beforeId));
      }
    }
  }

  /** Not before the deliveries that they tell of: what points at a letter finds it. */
  private async removeDeadLetters(nowMs: number): Promise<void> {
    const days = Math.max(this.config.deadLetterRetentionDays, this.config.retentionDays);
    const beforeId = idBoundary(startOfDay(nowMs - days * DAY_MS));
    await this.remove('dead_letters', () => removeOldDeadLetters(this.db, beforeId));
  }

  private async expire(batch: () => Promise<SettledOfTenant[]>): Promise<void> {
    await this.repeat(async () => {
      const tenants = await batch();
      for (const { tenant_id, dead } of tenants) this.rollup.settled(tenant_id, 'dead_letter', dead);
      return tenants.length;
    });
  }

  private async repeat(batch: () => Promise<number>): Promise<void> {
    while (!this.stopped && (await batch()) > 0);
  }

  private async remove(what: string, batch: () => Promise<number>): Promise<void> {
    await this.repeat(async () => {
      const count = await batch();
      this.metrics.retentionRemoved.inc({ what }, count);
      return count;
    });
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { HealthService } from '../health/health.service.js';
import { DeliveryQueue } from '../queue/delivery-queue.js';
import { REDIS, type RedisOrNone } from '../queue/redis.module.js';
import { countInstallation, readTableSizes } from './count-installation.query.js';
import { InstallationGauges } from './installation-gauges.js';
import { Metrics } from './metrics.js';
import { parseRedisMemory } from './redis-memory.js';

/** Scrapes within it share a read, whoever makes them and however many. */
const FRESH_MS = 5_000;
/** A scraper gives up after 10 s by default: what takes longer is left out, and the rest is there. */
const READ_TIMEOUT_MS = 3_000;

/** Reads what the installation holds when somebody scrapes, and not more often than that. */
@Injectable()
export class InstallationMetrics {
  private readonly gauges: InstallationGauges;
  private readAt = -Infinity;
  private reading: Promise<void> | null = null;

  constructor(
    metrics: Metrics,
    @InjectDataSource() private readonly db: DataSource,
    @Inject(REDIS) private readonly redis: RedisOrNone,
    private readonly queue: DeliveryQueue,
    private readonly health: HealthService,
    private readonly config: Config,
  ) {
    this.gauges = new InstallationGauges(metrics.registry);
  }

  /** Brings the gauges up to date. Never rejects, and takes 3 s at most. */
  async refresh(): Promise<void> {
    if (performance.now() - this.readAt < FRESH_MS) return;
    this.reading ??= this.read().finally(() => {
      this.reading = null;
      this.readAt = performance.now();
    });
    await this.reading;
  }

  private async read(): Promise<void> {
    const [readiness, counts, tables, jobs, memory] = await Promise.all([
      orNull(this.health.readiness()),
      orNull(countInstallation(this.db, this.config.leaseSeconds)),
      orNull(readTableSizes(this.db)),
      // Without its store BullMQ would wait for it, and leave a promise behind at each scrape.
      this.queue.available ? orNull(this.queue.depths()) : null,
      this.redis === null ? null : orNull(this.redis.info('memory')),
    ]);
    this.gauges.setReady(readiness !== null && readiness.status !== 'unavailable');
    if (counts === null || tables === null) this.gauges.forgetDatabase();
    else {
      this.gauges.setCounts(counts);
      this.gauges.setTables(tables);
    }
    this.gauges.setJobs(jobs);
    this.gauges.setRedisMemory(memory === null ? null : parseRedisMemory(memory));
  }
}

/** Null for what fails or takes too long. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), READ_TIMEOUT_MS);
  });
  return Promise.race([answer.catch(() => null), late]).finally(() => clearTimeout(timer));
}

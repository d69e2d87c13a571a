import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { createPostgresBackend, Queue, Worker, type Job, type WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { Config } from '../config/config.js';
import { QUEUE_SCHEMA } from './queue-schema.js';
import { REDIS, type RedisOrNone } from './redis.module.js';

/** Connections of BullMQ's own pool, beside one that it holds for LISTEN: few, as it batches nothing over many. */
const QUEUE_POOL_SIZE = 10;

/**
 * Makes BullMQ's queues and workers on Redis where `REDIS_URL` is set, else on the same PostgreSQL.
 * Nothing outside this folder knows which.
 */
@Injectable()
export class QueueBackend implements OnApplicationShutdown {
  readonly kind: 'redis' | 'postgres';
  private readonly logger = new Logger('Queue');
  private pool: pg.Pool | null = null;
  private workerRedis: Redis | null = null;
  private lastErrorAt = 0;
  private readonly queues: { close(): Promise<void> }[] = [];

  constructor(
    private readonly config: Config,
    @Inject(REDIS) private readonly redis: RedisOrNone,
  ) {
    this.kind = redis === null ? 'postgres' : 'redis';
  }

  /**
   * False while Redis is away: BullMQ would wait for its first connection as long as it takes, and fail afterwards.
   * PostgreSQL's absence shows in every other query anyway.
   */
  get available(): boolean {
    return this.redis === null || this.redis.status === 'ready';
  }

  createQueue<Data>(name: string): Queue<Data, void, string> {
    const queue =
      this.redis === null
        ? (new Queue(
            name,
            { connection: this.sharedPool(), prefix: this.config.queuePrefix },
            createPostgresBackend,
          ) as unknown as Queue<Data, void, string>)
        : new Queue<Data, void, string>(name, { connection: this.redis, prefix: this.config.queuePrefix });
    queue.on('error', (error) => this.reportError(error));
    this.queues.push(queue);
    return queue;
  }

  createWorker<Data>(
    name: string,
    process: (job: Job<Data, void, string>) => Promise<void>,
    options: Omit<WorkerOptions, 'connection' | 'prefix'>,
  ): Worker<Data, void, string> {
    const common = { ...options, prefix: this.config.queuePrefix };
    const worker =
      this.redis === null
        ? (new Worker(
            name,
            process as never,
            // After a restart of PostgreSQL the default would leave the worker idle for some 13 seconds.
            { ...common, connection: this.sharedPool(), runRetryDelay: 500 },
            createPostgresBackend,
          ) as unknown as Worker<Data, void, string>)
        : new Worker<Data, void, string>(name, process, { ...common, connection: this.redisForWorker() });
    worker.on('error', (error) => this.reportError(error));
    return worker;
  }

  /**
   * Adds jobs in one round trip. On Redis one by one, which ioredis sends together: `addBulk` makes a pipeline of its own for each call,
   * with a property for each of BullMQ's scripts, and that costs more than the commands it saves (in µs of the process: 119 instead of
   * 232 for one job, 167 instead of 239 for two, 667 instead of 769 for 16) and lives on until V8 collects old objects.
   * @throws when not all were added; some may have been
   */
  async addJobs<Data>(
    queue: Queue<Data, void, string>,
    jobs: Parameters<Queue<Data, void, string>['addBulk']>[0],
  ): Promise<void> {
    if (this.kind === 'postgres') await queue.addBulk(jobs);
    else await Promise.all(jobs.map(({ name, data, opts }) => queue.add(name, data, opts)));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled(this.queues.map((queue) => queue.close()));
    this.workerRedis?.disconnect();
    await this.pool?.end();
  }

  /** One pool for all queues and workers of the process: BullMQ would open one for each. */
  private sharedPool(): pg.Pool {
    this.pool ??= new pg.Pool({
      connectionString: this.config.databaseUrl,
      max: QUEUE_POOL_SIZE,
      options: `-c search_path=${QUEUE_SCHEMA}`,
      application_name: 'posthaste-queue',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    return this.pool;
  }

  /** BullMQ's blocking reads want a connection that waits for Redis rather than fails. */
  private redisForWorker(): Redis {
    this.workerRedis ??= new Redis(this.config.redisUrl ?? '', { maxRetriesPerRequest: null });
    this.workerRedis.on('error', (error) => this.reportError(error));
    return this.workerRedis;
  }

  /** While a store is away each attempt to reach it fails: one line every ten seconds says enough. */
  private reportError(error: Error): void {
    const now = Date.now();
    if (now - this.lastErrorAt < 10_000) return;
    this.lastErrorAt = now;
    this.logger.warn(`The queue's store does not answer: ${error.message || (error as NodeJS.ErrnoException).code}`);
  }
}

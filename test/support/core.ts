import { Module, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { Worker } from 'bullmq';
import { randomBytes } from 'node:crypto';
import { DataSource, type DeepPartial, type Logger } from 'typeorm';
import { newId } from '../../src/common/ids.js';
import { Config } from '../../src/config/config.js';
import { DeliveryStore } from '../../src/delivery-worker/delivery-store.js';
import { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import { EventsModule } from '../../src/events/events.module.js';
import { Ingestor, type Submission } from '../../src/events/ingestor.js';
import { Feeder } from '../../src/feeder/feeder.service.js';
import { QueueWindow } from '../../src/feeder/queue-window.js';
import { Maintenance } from '../../src/maintenance/maintenance.service.js';
import { DeliveryQueue, type LeasedDelivery } from '../../src/queue/delivery-queue.js';
import { REDIS, type RedisOrNone } from '../../src/queue/redis.module.js';
import { Tenant } from '../../src/tenants/tenant.entity.js';
import { WorkerModule } from '../../src/worker.module.js';
import { waitFor } from './processes.js';

/** All of a worker, and the part of an API that takes events; their hooks are not run, so nothing starts by itself. */
@Module({ imports: [WorkerModule, EventsModule] })
class CoreParts {}

export interface CoreOptions {
  config?: Partial<Config>;
}

/** One process's worth of the core, nothing of it running until a test starts it; several may share a database. */
export class Core {
  private readonly workers: Worker[] = [];

  private constructor(
    private readonly module: TestingModule,
    readonly config: Config,
    readonly db: DataSource,
  ) {}

  static async start(databaseUrl: string, options: CoreOptions = {}): Promise<Core> {
    const config = Object.assign(new Config(), {
      databaseUrl,
      databasePoolSize: 4,
      adminApiKey: 'pha_operator-key-of-the-tests',
      encryptionKey: randomBytes(32).toString('base64'),
      queuePrefix: `test-${randomBytes(6).toString('hex')}`,
      logLevel: 'silent',
      ...options.config,
    });
    const module = await Test.createTestingModule({ imports: [CoreParts] })
      .overrideProvider(Config)
      .useValue(config)
      .compile();
    module.useLogger(false);
    const redis = module.get<RedisOrNone>(REDIS);
    if (redis !== null) await waitFor(() => redis.status === 'ready', { what: 'Redis to be connected' });
    return new Core(module, config, module.get(DataSource));
  }

  /** Any other part. */
  part<T>(type: Type<T>): T {
    return this.module.get(type);
  }
  get ingestor(): Ingestor {
    return this.module.get(Ingestor);
  }
  get feeder(): Feeder {
    return this.module.get(Feeder);
  }
  get window(): QueueWindow {
    return this.module.get(QueueWindow);
  }
  get queue(): DeliveryQueue {
    return this.module.get(DeliveryQueue);
  }
  get store(): DeliveryStore {
    return this.module.get(DeliveryStore);
  }
  get maintenance(): Maintenance {
    return this.module.get(Maintenance);
  }

  /** Takes jobs from the queue as a worker does. Jobs still under way when the core closes are given up. */
  consume(process: (job: LeasedDelivery) => Promise<void>, concurrency = 20): void {
    const worker = this.queue.createWorker(process, concurrency);
    worker.on('error', () => undefined);
    void worker.run();
    this.workers.push(worker);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close(true)));
    await this.module.close();
  }
}

/** Rows by SQL, for what a test asserts. */
export async function rowsOf<Row extends object>(db: DataSource, sql: string, values: unknown[] = []): Promise<Row[]> {
  return db.query<Row[]>(sql, values);
}

export async function insertTenant(db: DataSource, values: DeepPartial<Tenant> = {}): Promise<Tenant> {
  const tenants = db.getRepository(Tenant);
  const tenant = tenants.create({ id: newId(), name: 'Acme', secretKeySealed: 'sealed', ...values });
  await tenants.insert(tenant);
  return tenant;
}

export async function insertEndpoint(
  db: DataSource,
  tenantId: string,
  values: DeepPartial<Endpoint> = {},
): Promise<Endpoint> {
  const endpoints = db.getRepository(Endpoint);
  const endpoint = endpoints.create({ id: newId(), tenantId, url: 'https://hooks.example.com/', ...values });
  await endpoints.insert(endpoint);
  return endpoint;
}

/** An event as a publish request brings it. */
export function submission(
  tenantId: string,
  event: Partial<Submission['event']> = {},
  idempotencyKey: string | null = null,
): Submission {
  return {
    tenantId,
    event: { eventId: null, eventType: 'order.created', source: null, payload: '{"n":1}', endpointIds: null, ...event },
    idempotencyKey,
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00`,
  };
}

/** Every statement that a data source runs, as it runs it. */
export class StatementLog implements Logger {
  readonly statements: { sql: string; parameters: unknown[] }[] = [];
  /** SQLSTATEs of what failed, also where it was tried again with success. */
  readonly errorCodes: string[] = [];

  static on(db: DataSource): StatementLog {
    const log = new StatementLog();
    db.logger = log;
    return log;
  }

  logQuery(sql: string, parameters?: unknown[]): void {
    this.statements.push({ sql, parameters: parameters ?? [] });
  }
  /** The last statement that holds this text. */
  last(text: string): { sql: string; parameters: unknown[] } {
    const found = this.statements.findLast(({ sql }) => sql.includes(text));
    if (found === undefined) throw new Error(`No statement holds ${text}`);
    return found;
  }
  count(text: string): number {
    return this.statements.filter(({ sql }) => sql.includes(text)).length;
  }

  logQueryError(error: string | Error): void {
    this.errorCodes.push((error as { code?: string }).code ?? 'none');
  }
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}

import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { OperatorClient } from './api-client.js';
import type { Backend } from './backends.js';
import { createTestDatabase } from './database.js';
import { freePort, startNode, waitFor, type NodeProcess, type ProcessExit } from './processes.js';
import { redisUrlForTests } from './redis-server.js';

const DIST = join(import.meta.dirname, '../../dist/src');
const PORT_TRIES = 3;

export interface PosthasteOptions {
  backend: Backend;
  /** API processes; default 1. */
  apis?: number;
  /** Worker processes; default 1. */
  workers?: number;
  /** Over the settings that the processes get here. */
  env?: Record<string, string | undefined>;
  /** Default: the Redis that all tests share. */
  redisUrl?: string;
  /** A migrated database that stays when it all ends; default: one of its own that goes. */
  databaseUrl?: string;
  /** Default: a new one. */
  encryptionKey?: string;
}

/** A running API or worker. */
export interface Role extends NodeProcess {
  url: string;
}

/** A whole installation of a test's own: real processes, a private database, its own keys in Redis. */
export interface Posthaste {
  /** Of the first API. */
  url: string;
  apis: Role[];
  workers: Role[];
  /** The operator at the first API. */
  operator: OperatorClient;
  adminKey: string;
  encryptionKey: string;
  databaseUrl: string;
  /** Undefined on PostgreSQL. */
  redisUrl: string | undefined;
  queuePrefix: string;
  /** Straight to the database, for what the API does not tell. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  startApi(env?: Record<string, string | undefined>): Promise<Role>;
  startWorker(env?: Record<string, string | undefined>): Promise<Role>;
  /** Everything that its processes have printed. */
  logs(): string;
  /** Ends all processes in order and deletes the database. */
  stop(): Promise<ProcessExit[]>;
}

/**
 * Starts the built processes; rejects with what they printed when one ends or isn't ready in time.
 * @throws Error when the project isn't built
 */
export async function startPosthaste(options: PosthasteOptions): Promise<Posthaste> {
  assertBuilt();
  const { databaseUrl } = options;
  const database =
    databaseUrl === undefined
      ? await createTestDatabase()
      : { url: databaseUrl, drop: (): Promise<void> => Promise.resolve() };
  const redisUrl = options.backend === 'redis' ? (options.redisUrl ?? redisUrlForTests()) : undefined;
  const adminKey = `pha_${randomBytes(24).toString('hex')}`;
  const encryptionKey = options.encryptionKey ?? randomBytes(32).toString('base64');
  const queuePrefix = `test-${randomBytes(6).toString('hex')}`;
  const settings: Record<string, string | undefined> = {
    ...UNSET,
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl,
    QUEUE_PREFIX: queuePrefix,
    ADMIN_API_KEY: adminKey,
    ENCRYPTION_KEY: encryptionKey,
    ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8,::1/128',
    LOG_LEVEL: 'info',
    // The test server is shared, and so are its connections.
    DATABASE_POOL_SIZE: '6',
    // All tests knock from one address, and many of them with keys that are none.
    IP_RATE_LIMIT: '0',
    AUTH_FAILURE_LIMIT: '0',
    ...options.env,
  };
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  // Deleting the database ends connections that are idle.
  pool.on('error', () => undefined);
  const apis: Role[] = [];
  const workers: Role[] = [];
  const startApi = async (env = {}): Promise<Role> => {
    const role = await startRole('main.js', 'PORT', { ...settings, ...env });
    apis.push(role);
    return role;
  };
  const startWorker = async (env = {}): Promise<Role> => {
    const role = await startRole('worker.js', 'WORKER_PORT', { ...settings, ...env });
    workers.push(role);
    return role;
  };
  const stop = async (): Promise<ProcessExit[]> => {
    const exits = await Promise.all([...apis, ...workers].map((role) => role.stop()));
    await pool.end();
    await database.drop();
    if (redisUrl !== undefined && options.redisUrl === undefined) await deleteKeys(redisUrl, queuePrefix);
    return exits;
  };
  try {
    await Promise.all([
      ...Array.from({ length: options.apis ?? 1 }, () => startApi()),
      ...Array.from({ length: options.workers ?? 1 }, () => startWorker()),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = apis[0]?.url ?? '';
  return {
    url,
    apis,
    workers,
    operator: new OperatorClient(url, adminKey),
    adminKey,
    encryptionKey,
    databaseUrl: database.url,
    redisUrl,
    queuePrefix,
    query: async <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) =>
      (await pool.query<Row>(sql, values)).rows,
    startApi,
    startWorker,
    logs: () => [...apis, ...workers].map((role) => role.logs()).join('\n'),
    stop,
  };
}

/** Settings that the environment of the tests must not bring in. */
export const UNSET: Readonly<Record<string, undefined>> = Object.fromEntries(
  [
    ['DATABASE_URL', 'REDIS_URL', 'ADMIN_API_KEY', 'ENCRYPTION_KEY', 'ALLOWED_PRIVATE_CIDRS', 'LOG_LEVEL', 'HOST'],
    ['ENCRYPTION_KEYS_RETIRED', 'EXTRA_CA_FILE', 'OUTBOUND_PROXY_URL'],
    ['PORT', 'WORKER_PORT', 'DEFAULT_RETRY_POLICY', 'METRICS_PUBLIC', 'TRUST_PROXY', 'RETENTION_DAYS'],
    ['METRICS_PER_TENANT', 'LOG_EVENTS', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'SERVE_DEMO'],
  ]
    .flat()
    .map((name) => [name, undefined]),
);

/** The compiled script of a role. */
export const roleScript = (file: 'main.js' | 'worker.js' | 'migrate.js' | 'reencrypt.js' | 'cli.js'): string =>
  join(DIST, file);

export function assertBuilt(): void {
  if (!existsSync(roleScript('main.js'))) throw new Error('Not built: run npm run build first');
}

async function startRole(
  file: 'main.js' | 'worker.js',
  portSetting: 'PORT' | 'WORKER_PORT',
  env: Record<string, string | undefined>,
): Promise<Role> {
  for (let tries = 1; ; tries++) {
    const port = env[portSetting] ?? String(await freePort());
    const role = startNode(roleScript(file), { env: { ...env, [portSetting]: port } });
    const url = `http://127.0.0.1:${port}`;
    let ended = false;
    void role.exited.then(() => (ended = true));
    await waitFor(async () => ended || (await isReady(url)), {
      what: `${file} to be ready`,
    }).catch(async (error: unknown) => {
      await role.kill();
      throw new Error(`${String(error)}\n${role.logs()}`, { cause: error });
    });
    if (!ended) return { ...role, url };
    // Between being found free and being listened on, another process of this machine may have taken the port.
    if (tries === PORT_TRIES || !role.logs().includes('EADDRINUSE')) throw new Error(`${file} ended:\n${role.logs()}`);
  }
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/health/ready`).then(
    async (response) => {
      await response.arrayBuffer();
      return response.status === 200;
    },
    () => false,
  );

async function deleteKeys(redisUrl: string, prefix: string): Promise<void> {
  const redis = new Redis(redisUrl);
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1_000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await redis.unlink(...keys);
    }
  } finally {
    redis.disconnect();
  }
}

/** Lines that the processes logged as errors: in a run without faults there are none. */
export function errorLines(logs: string): string[] {
  return logs.split('\n').filter((line) => /"level":(50|60)\b/.test(line) || /^\s+at .+:\d+:\d+\)?$/.test(line));
}

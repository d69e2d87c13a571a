import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { migrateDatabase } from '../../src/database/migrate-database.js';
import type { TenantClient } from './api-client.js';
import type { Backend } from './backends.js';
import type { CaseReport } from './chaos-report.js';
import { Ledger } from './ledger.js';
import { startPosthaste, type Posthaste, type PosthasteOptions, type Role } from './posthaste.js';
import { startPostgres, type TestPostgres } from './postgres-server.js';
import { waitFor } from './processes.js';
import { startRedis, type TestRedis } from './redis-server.js';

export interface ChaosOptions {
  backend: Backend;
  /** Default 1. */
  workers?: number;
  /** Further settings of all processes. */
  env?: Record<string, string | undefined>;
  redisArgs?: readonly string[];
}

/** The settings that ship: only what the helpers change for many small installations is taken back. */
const SHIPPED_SETTINGS = {
  DATABASE_POOL_SIZE: undefined,
  LOG_LEVEL: process.env.CHAOS_LOGS === undefined ? 'warn' : 'info',
};

const PRELOADS = join(import.meta.dirname, '../chaos/preload');

/** Makes a process load a script of `test/chaos/preload` before its own. */
export function preloading(script: string, env: Record<string, string>): Record<string, string> {
  return { NODE_OPTIONS: `--import=${pathToFileURL(join(PRELOADS, script)).href}`, ...env };
}

/**
 * An installation that a case breaks on purpose: servers and processes of its own, and a ledger that receives. With
 * CHAOS_LOGS set to a folder, everything that its processes printed is kept there.
 */
export class Chaos {
  private readonly killed = new Set<Role>();

  private constructor(
    readonly posthaste: Posthaste,
    readonly postgres: TestPostgres,
    readonly ledger: Ledger,
    /** Null on PostgreSQL. */
    public redis: TestRedis | null,
    private readonly pool: pg.Pool,
  ) {}

  /** Runs a case in an installation of its own. Afterwards every process that it didn't kill must end in order, with code 0. */
  static async run<T>(options: ChaosOptions, scenario: (chaos: Chaos) => Promise<T>): Promise<T> {
    const cleanups: (() => Promise<unknown>)[] = [];
    try {
      const postgres = await startPostgres();
      cleanups.push(() => postgres.remove());
      const ledger = await Ledger.start();
      cleanups.push(() => ledger.stop());
      await migrateDatabase(postgres.url);
      const pool = new pg.Pool({ connectionString: postgres.url, max: 2 });
      pool.on('error', () => undefined);
      cleanups.push(() => pool.end());
      const redis = options.backend === 'redis' ? await startRedis({ args: options.redisArgs }) : null;
      const settings: PosthasteOptions = {
        backend: options.backend,
        workers: options.workers,
        redisUrl: redis?.url,
        env: { ...SHIPPED_SETTINGS, ...options.env, DATABASE_URL: postgres.url },
      };
      const posthaste = await startPosthaste(settings);
      const chaos = new Chaos(posthaste, postgres, ledger, redis, pool);
      cleanups.push(() => chaos.stopProcesses());
      if (redis !== null) cleanups.unshift(async () => chaos.redis?.stop());
      return await scenario(chaos);
    } finally {
      for (const cleanup of cleanups.reverse()) await cleanup();
    }
  }

  /** Tenants without a limit on publishing, each with one endpoint at `/<name>-<n>`. */
  async createTenants(count: number, name = 't', endpoint: Record<string, unknown> = {}): Promise<TenantClient[]> {
    const tenants: TenantClient[] = [];
    for (let n = 0; n < count; n++) {
      const tenant = await this.posthaste.operator.createTenant({ rate_limit: null });
      await tenant.createEndpoint(this.ledger.url(`/${name}-${n}`), endpoint);
      tenants.push(tenant);
    }
    return tenants;
  }

  async query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(sql, values)).rows;
  }

  async countPending(): Promise<number> {
    const rows = await this.query<{ n: number }>(`SELECT count(*)::int AS n FROM deliveries WHERE status = 'pending'`);
    return rows[0]?.n ?? 0;
  }

  /**
   * Waits until every accepted event was delivered and nothing is pending. What does not come in time is left to the ledger
   * to tell.
   * @returns what the case has come to
   */
  async settle(timeoutMs: number): Promise<CaseReport> {
    const startedAt = performance.now();
    const settled = async (): Promise<boolean> =>
      this.ledger.count().lost === 0 && (await this.countPending().catch(() => 1)) === 0;
    await waitFor(settled, { timeoutMs, what: 'everything to settle' }).catch(() => undefined);
    const settleMs = performance.now() - startedAt;
    await this.ledger.catchUp();
    const failed = await this.query<{ error: string; n: number }>(
      `SELECT error, count(*)::int AS n FROM delivery_attempts WHERE outcome = 'failed' AND status_code IS NULL
       GROUP BY error ORDER BY n DESC`,
    );
    return {
      ...this.ledger.count(),
      settleMs,
      failedAttempts: failed.reduce((sum, { n }) => sum + n, 0),
      failures: Object.fromEntries(failed.map(({ error, n }) => [error, n])),
    };
  }

  /** SIGKILL, without a successor. */
  async kill(role: Role): Promise<void> {
    this.killed.add(role);
    await role.kill();
  }

  /** Whoever kills a role from within the process says so here. */
  expectKilled(role: Role): void {
    this.killed.add(role);
  }

  /** A new, empty Redis where the last one was. */
  async restartRedis(): Promise<void> {
    if (this.redis === null) throw new Error('No Redis in this case');
    this.redis = await startRedis({ port: this.redis.port });
  }

  private async stopProcesses(): Promise<void> {
    const roles = [...this.posthaste.apis, ...this.posthaste.workers];
    await this.posthaste.stop();
    const logFolder = process.env.CHAOS_LOGS;
    if (logFolder !== undefined)
      writeFileSync(join(logFolder, `${this.posthaste.queuePrefix}.log`), this.posthaste.logs());
    for (const role of roles.filter((one) => !this.killed.has(one))) {
      const exit = await role.exited;
      if (exit.code !== 0)
        throw new Error(`A process ended with ${JSON.stringify(exit)}:\n${role.logs().slice(-4_000)}`);
    }
  }
}

import { runMigrations } from 'bullmq';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { isTransient } from '../common/database-errors.js';
import { QUEUE_SCHEMA } from '../queue/queue-schema.js';
import { createDataSource } from './data-source.js';
import { withMigrationLock } from './migration-lock.js';
import { ensurePartitions } from './partitions.js';
import { pendingMigrations } from './schema-check.js';
import { ensureTenantRole } from './tenant-role.js';

/**
 * Whoever comes after a lock that is waited for waits as well: behind a backup that reads a table for an hour, a migration
 * of it must not hold up the whole service for that hour. It gives way and comes again.
 */
const TABLE_LOCK_TIMEOUT_MS = 2_000;
const LOCK_PAUSE_MS = 1_000;
/** Half an hour or more of trying. */
const LOCK_TRIES = 600;

/**
 * Brings a database up to date: our tables, the partitions of the days around today, the role that works for a tenant, and
 * BullMQ's own schema (also where Redis holds the queue, so that `REDIS_URL` can be taken away without another migration).
 * Safe beside processes at work, and beside itself.
 * @param warn told what could not be done, and is not needed, and what is waited for
 * @returns the names of the migrations that ran
 */
export function migrateDatabase(
  databaseUrl: string,
  warn: (line: string) => void = () => undefined,
): Promise<string[]> {
  return withMigrationLock(databaseUrl, warn, () =>
    withPatientDataSource(databaseUrl, async (dataSource) => {
      const done = await pendingMigrations(dataSource);
      await givingWay(warn, () => dataSource.runMigrations());
      await givingWay(warn, () => ensurePartitions(dataSource));
      const obstacle = await ensureTenantRole(dataSource);
      if (obstacle !== null) warn(`Row-level security can't be used: ${obstacle}`);
      await migrateQueue(databaseUrl);
      return done;
    }),
  );
}

/** Takes back the newest migration. @returns its name, or null when there is none */
export function revertLastMigration(
  databaseUrl: string,
  warn: (line: string) => void = () => undefined,
): Promise<string | null> {
  return withMigrationLock(databaseUrl, warn, () =>
    withPatientDataSource(databaseUrl, async (dataSource) => {
      const rows = await dataSource.query<{ name: string }[]>(`SELECT name FROM migrations ORDER BY id DESC LIMIT 1`);
      await givingWay(warn, () => dataSource.undoLastMigration());
      return rows[0]?.name ?? null;
    }),
  );
}

/** No statement of a migration is cut off, however long an index takes; only the wait for a table is. */
async function withPatientDataSource<T>(databaseUrl: string, job: (dataSource: DataSource) => Promise<T>): Promise<T> {
  const limits = { statementTimeoutMs: 0, lockTimeoutMs: TABLE_LOCK_TIMEOUT_MS };
  const dataSource = await createDataSource(databaseUrl, 5, limits).initialize();
  try {
    return await job(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

/** Each migration is a transaction of its own: those that were done stay done, and the one that gave way begins anew. */
export async function givingWay<T>(warn: (line: string) => void, job: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await job();
    } catch (error) {
      if (!isTransient(error) || tries === LOCK_TRIES) throw error;
      if (tries === 1) warn('A table is in use, by a long query or a backup perhaps: trying until it is free.');
      await delay(LOCK_PAUSE_MS);
    }
  }
}

async function migrateQueue(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    await client.query('SET statement_timeout = 0');
    await runMigrations(client, QUEUE_SCHEMA);
  } finally {
    await client.end();
  }
}

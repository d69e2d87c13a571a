import { runMigrations } from 'bullmq';
import pg from 'pg';
import { QUEUE_SCHEMA } from '../queue/queue-schema.js';
import { createDataSource } from './data-source.js';
import { ensurePartitions } from './partitions.js';

/** Among PostgreSQL's advisory locks: of several that migrate at once, the others wait and then find nothing to do. */
const LOCK_KEY = 5_071_846_290;

/**
 * Brings a database up to date: our tables, the partitions of the days around today, and BullMQ's own schema (also where
 * Redis holds the queue, so that `REDIS_URL` can be taken away without another migration).
 * @returns the names of the migrations that ran
 */
export async function migrateDatabase(databaseUrl: string): Promise<string[]> {
  const dataSource = await createDataSource(databaseUrl).initialize();
  let done: string[];
  try {
    const runner = dataSource.createQueryRunner();
    await runner.query(`SELECT pg_advisory_lock($1)`, [LOCK_KEY]);
    try {
      done = (await dataSource.runMigrations()).map(({ name }) => name);
      await ensurePartitions(dataSource);
    } finally {
      await runner.query(`SELECT pg_advisory_unlock($1)`, [LOCK_KEY]);
      await runner.release();
    }
  } finally {
    await dataSource.destroy();
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await runMigrations(client, QUEUE_SCHEMA);
  } finally {
    await client.end();
  }
  return done;
}

/** Takes back the newest migration. @returns its name, or null when there is none */
export async function revertLastMigration(databaseUrl: string): Promise<string | null> {
  const dataSource = await createDataSource(databaseUrl).initialize();
  try {
    const rows = await dataSource.query<{ name: string }[]>(`SELECT name FROM migrations ORDER BY id DESC LIMIT 1`);
    await dataSource.undoLastMigration();
    return rows[0]?.name ?? null;
  } finally {
    await dataSource.destroy();
  }
}

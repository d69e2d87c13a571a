import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { withClient } from '../../src/embedded/postmaster.js';

/** Any number, the same for all: two clones of one template at a time fail, as each sees the other connected to it. */
const CLONE_LOCK = 7_205_114;

export interface TestDatabase {
  url: string;
  /** Deletes it, whoever is still connected. */
  drop(): Promise<void>;
}

/** A database of the caller's own with all tables in it, in about a quarter of a second. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await withClient(serverUrl(), async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [CLONE_LOCK]);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${await templateOfToday(client)}`);
  });
  return {
    url: databaseUrl(serverUrl(), name),
    drop: () =>
      withClient(serverUrl(), async (client) => {
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}

/**
 * The migrated database that tests' own are cloned from. One for each day, as it has the partitions of the days around it, and
 * tests may run past midnight.
 */
async function templateOfToday(client: pg.Client): Promise<string> {
  const name = `template_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`;
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (rowCount === 0) {
    const { migrateDatabase } = await import('../../src/database/migrate-database.js');
    await client.query(`DROP DATABASE IF EXISTS ${name}_unfinished WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name}_unfinished`);
    await migrateDatabase(databaseUrl(serverUrl(), `${name}_unfinished`));
    await client.query(`ALTER DATABASE ${name}_unfinished RENAME TO ${name}`);
  }
  return name;
}

/** The same server, another database. */
export function databaseUrl(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

function serverUrl(): string {
  const url = process.env.POSTHASTE_TEST_PG_URL;
  if (url === undefined)
    throw new Error('No test PostgreSQL: test/support/global-setup.ts did not run for this project');
  return url;
}

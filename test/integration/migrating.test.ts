import pg from 'pg';
import { createDataSource } from '../../src/database/data-source.js';
import { migrateDatabase, revertLastMigration } from '../../src/database/migrate-database.js';
import { withMigrationLock } from '../../src/database/migration-lock.js';
import { pendingMigrations } from '../../src/database/schema-check.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';

let database: TestDatabase;
let client: pg.Client;
beforeEach(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await database.drop();
});

async function pending(): Promise<string[]> {
  const db = await createDataSource(database.url).initialize();
  try {
    return await pendingMigrations(db);
  } finally {
    await db.destroy();
  }
}
const backends = async (condition: string): Promise<number> =>
  (await client.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND ${condition}`)).rows.length;

/** Limits that an administrator has set for everybody, shorter than what is waited for here. */
const limitEverybody = (): Promise<unknown> =>
  client.query(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 300', current_database());
       EXECUTE format('ALTER DATABASE %I SET lock_timeout = 200', current_database()); END $$`,
  );

/** Ends a lock after the limits that this file sets have passed. */
const pastTheLimits = (): Promise<unknown> => client.query(`SELECT pg_sleep(0.8)`);

/** A migration that alters a table that requests read, and all that came after it. @returns their names, oldest first */
async function revertApiKeySuccessor(): Promise<string[]> {
  const names: string[] = [];
  while (!names[0]?.startsWith('AddApiKeySuccessor')) {
    const name = await revertLastMigration(database.url);
    if (name === null) throw new Error('No such migration');
    names.unshift(name);
  }
  return names;
}

describe('a process that migrates', () => {
  it('waits for another that does, however long that takes, and then finds nothing to do', async () => {
    const name = await revertLastMigration(database.url);
    await limitEverybody();
    const lines: string[] = [];
    const second = await withMigrationLock(
      database.url,
      (line) => lines.push(line),
      async () => {
        const waiting = migrateDatabase(database.url, (line) => lines.push(line));
        const ended = waiting.then(
          () => 'done',
          (error: unknown) => String(error),
        );
        await waitFor(() => lines.length > 0, { what: 'the second to wait' });
        await pastTheLimits();
        expect(await Promise.race([ended, Promise.resolve('waiting')])).toBe('waiting');
        return { waiting };
      },
    );
    expect(await second.waiting).toEqual([name]);
    expect(lines).toEqual([expect.stringContaining('Another process is migrating')]);
    expect(await migrateDatabase(database.url)).toEqual([]);
  });

  it('lets the one that it waits for build an index concurrently, which waits for all older snapshots', async () => {
    const lines: string[] = [];
    const waiting = await withMigrationLock(
      database.url,
      () => undefined,
      async () => {
        const second = migrateDatabase(database.url, (line) => lines.push(line));
        await waitFor(() => lines.length > 0, { what: 'the second to wait' });
        await client.query(`SET lock_timeout = '10s'`);
        await client.query('CREATE INDEX CONCURRENTLY dead_letters_source_idx ON dead_letters (source)');
        return { second };
      },
    );
    expect(await waiting.second).toEqual([]);
  });

  it('is not waited for any more once it was killed', async () => {
    let release: () => void = () => undefined;
    let isAtWork = false;
    const first = withMigrationLock(
      database.url,
      () => undefined,
      () => {
        isAtWork = true;
        return new Promise<void>((resolve) => (release = resolve));
      },
    );
    const outcome = first.then(
      () => 'done',
      () => 'lost',
    );
    await waitFor(() => isAtWork, { what: 'the lock' });
    const lines: string[] = [];
    const second = migrateDatabase(database.url, (line) => lines.push(line));
    await waitFor(() => lines.length > 0, { what: 'the second to wait' });
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(await second).toEqual([]);
    release();
    // It must not say that it migrated alone when it did not.
    expect(await outcome).toBe('lost');
  });

  it('makes an index while others write, wait for their turn to migrate, or have left one half made', async () => {
    const names: string[] = [];
    while (!names[0]?.startsWith('IndexUnsuccessful')) names.unshift((await revertLastMigration(database.url)) ?? '');
    await client.query(
      `CREATE INDEX deliveries_unsuccessful_idx_default ON deliveries_default (tenant_id, status, id)
       WHERE status IN ('dead_letter', 'cancelled')`,
    );
    await client.query(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'deliveries_unsuccessful_idx_default'::regclass`,
    );
    const writer = new pg.Client({ connectionString: database.url });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query('UPDATE deliveries SET attempts = attempts');
    const migrating = Promise.all([migrateDatabase(database.url), migrateDatabase(database.url)]);
    await waitFor(async () => (await backends(`wait_event = 'virtualxid' OR wait_event = 'transactionid'`)) > 0, {
      what: 'the index to wait for the writer',
    });
    // Nobody stands behind it.
    await client.query('UPDATE deliveries SET attempts = attempts');
    await writer.query('COMMIT');
    await writer.end();
    expect((await migrating).flat()).toEqual(names);
    const { rows } = await client.query<{ valid: boolean }>(
      `SELECT bool_and(indisvalid) AS valid FROM pg_index WHERE indrelid IN ('deliveries'::regclass, 'deliveries_default'::regclass)`,
    );
    expect(rows).toEqual([{ valid: true }]);
  });

  it('gives way to those who use a table that somebody reads for long, and comes again', async () => {
    const names = await revertApiKeySuccessor();
    const reader = new pg.Client({ connectionString: database.url });
    await reader.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT FROM api_keys');
    const lines: string[] = [];
    const migrating = migrateDatabase(database.url, (line) => lines.push(line));
    await waitFor(async () => (await backends(`wait_event_type = 'Lock'`)) > 0, { what: 'the migration to wait' });
    // Stands behind the migration, which stands behind the reader.
    await client.query('SELECT FROM api_keys');
    await waitFor(() => lines.length > 0, { what: 'the migration to give way' });
    expect(await pending()).toEqual(names);
    await reader.query('COMMIT');
    await reader.end();
    expect(await migrating).toEqual(names);
    expect(lines).toEqual([expect.stringContaining('A table is in use')]);
  });

  it('lets no statement be cut off', async () => {
    const names = await revertApiKeySuccessor();
    await client.query(
      `CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.6); END $$;
       CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION slow()`,
    );
    await limitEverybody();
    expect(await migrateDatabase(database.url)).toEqual(names);
  });
});

import pg from 'pg';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/database/data-source.js';
import { migrateDatabase, revertLastMigration } from '../../src/database/migrate-database.js';
import { PARTITIONED_TABLES } from '../../src/database/partitions.js';
import { pendingMigrations } from '../../src/database/schema-check.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

/** Tables that no entity stands for, each with its reason. */
const TABLES_WITHOUT_ENTITY = new Set([
  'migrations', // TypeORM's own
  'token_buckets', // only ever touched by one statement
  'worker_processes', // nor is this one by more than three
]);

const PARTITION = new RegExp(`^(${PARTITIONED_TABLES.join('|')})_(default|\\d{8})$`);

let database: TestDatabase;
let db: DataSource;
beforeEach(async () => {
  database = await createTestDatabase();
  db = await createDataSource(database.url).initialize();
});
afterEach(async () => {
  await db.destroy();
  await database.drop();
});

const query = <Row extends object>(sql: string): Promise<Row[]> => db.query<Row[]>(sql);

const tableNames = async (): Promise<string[]> =>
  (
    await query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')`,
    )
  ).map(({ name }) => name);

describe('migrations', () => {
  it('have nothing left to do once they ran, and say so', async () => {
    expect(await pendingMigrations(db)).toEqual([]);
    expect(await migrateDatabase(database.url)).toEqual([]);
  });

  it('leave nothing behind when each is taken back, and can be run again', async () => {
    const before = await tableNames();
    const names = db.migrations.map((migration) => migration.name ?? migration.constructor.name);
    for (const name of [...names].reverse()) expect(await revertLastMigration(database.url)).toBe(name);
    expect(await tableNames()).toEqual(['migrations']);
    const leftovers = await query(
      `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace
       UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
       UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('S', 'v', 'm')
         AND relname <> 'migrations_id_seq'`,
    );
    expect(leftovers).toEqual([]);
    expect(await revertLastMigration(database.url)).toBeNull();
    expect(await pendingMigrations(db)).toEqual(names);

    expect(await migrateDatabase(database.url)).toEqual(names);
    // Without days: the partitions are those around today, and a new one may have begun since the first ones were made.
    const kinds = (tables: string[]): string[] => tables.map((name) => name.replace(/_\d{8}$/, '_day')).sort();
    expect(kinds(await tableNames())).toEqual(kinds(before));
  });

  it('run once when several processes start at the same time', async () => {
    await db.query(`CREATE DATABASE ${new URL(database.url).pathname.slice(1)}_empty`);
    const url = `${database.url}_empty`;
    try {
      const done = await Promise.all([migrateDatabase(url), migrateDatabase(url), migrateDatabase(url)]);
      expect(done.flat().sort()).toEqual(db.migrations.map((m) => m.name ?? m.constructor.name).sort());
    } finally {
      await db.query(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
    }
  });
});

describe('the schema', () => {
  it('is what the entities say, to the last index and default', async () => {
    const { upQueries } = await db.driver.createSchemaBuilder().log();
    expect(upQueries.map((statement) => statement.query)).toEqual([]);
  });

  it('would notice a column that drifted', async () => {
    await db.query('ALTER TABLE deliveries ALTER COLUMN tokens_booked DROP NOT NULL');
    const { upQueries } = await db.driver.createSchemaBuilder().log();
    expect(upQueries.map((statement) => statement.query).join()).toContain('tokens_booked');
  });

  it('has no table but those of entities, partitions, and a few that are named here', async () => {
    const ofEntities = new Set(db.entityMetadatas.map((metadata) => metadata.tableName));
    const tables = await tableNames();
    for (const name of [...ofEntities, ...TABLES_WITHOUT_ENTITY]) expect(tables).toContain(name);
    const others = tables.filter(
      (name) => !ofEntities.has(name) && !TABLES_WITHOUT_ENTITY.has(name) && !PARTITION.test(name),
    );
    expect(others).toEqual([]);
  });

  it('names constraints and indexes by table, columns and kind', async () => {
    const rows = await query<{ table_name: string; name: string; kind: string }>(
      `SELECT c.conrelid::regclass::text AS table_name, c.conname AS name, c.contype::text AS kind
       FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('p', 'u', 'c', 'f')
       UNION ALL
       SELECT i.indrelid::regclass::text, x.relname, CASE WHEN i.indisunique THEN 'u' ELSE 'i' END
       FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
       WHERE x.relnamespace = 'public'::regnamespace AND NOT i.indisprimary`,
    );
    const suffixes: Record<string, string> = { p: '_pkey', u: '_key', c: '_check', f: '_fkey', i: '_idx' };
    const named = rows.filter(({ table_name }) => !PARTITION.test(table_name) && table_name !== 'migrations');
    const wrong = named.filter(
      ({ table_name, name, kind }) => !name.startsWith(`${table_name}_`) || !name.endsWith(suffixes[kind] ?? '?'),
    );
    expect(named.length).toBeGreaterThan(30);
    expect(wrong).toEqual([]);
  });

  it('has no foreign key to or from a partitioned table, which would make dropping its partitions fail', async () => {
    const keys = await query<{ name: string }>(
      `SELECT conname AS name FROM pg_constraint WHERE contype = 'f'
       AND (conrelid = ANY ('{${PARTITIONED_TABLES.join()}}'::regclass[])
         OR confrelid = ANY ('{${PARTITIONED_TABLES.join()}}'::regclass[]))`,
    );
    expect(keys).toEqual([]);
  });

  it('gives each partition the indexes of its table', async () => {
    const rows = await query<{ parent: string; children: number }>(
      `SELECT i.indrelid::regclass::text || ' ' || i.indexrelid::regclass::text AS parent,
         (SELECT count(*)::int FROM pg_inherits h WHERE h.inhparent = i.indexrelid) AS children
       FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE t.relkind = 'p'`,
    );
    const partitions = (await tableNames()).filter((name) => PARTITION.test(name)).length / PARTITIONED_TABLES.length;
    expect(rows.filter(({ children }) => children !== partitions)).toEqual([]);
  });

  it('refuses a process that is behind it: a migration it has not seen is pending', async () => {
    await db.query(`DELETE FROM migrations`);
    expect(await pendingMigrations(db)).not.toEqual([]);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('DROP TABLE migrations');
    await client.end();
    expect(await pendingMigrations(db)).toEqual(db.migrations.map((m) => m.name ?? m.constructor.name));
  });
});

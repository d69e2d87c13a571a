import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { createTestDatabase, databaseUrl, type TestDatabase } from '../support/database.js';
import { breaches } from '../support/migration-rules.js';

/** From before there was a version to live beside. No other may be added. */
const BEFORE_THE_FIRST_RELEASE = [
  'IndexWaitingByAttempts1763778600000',
  'AddEndpointTls1763791200000',
  'IndexUnresolvedDeadLetters1763796600000',
];

describe('migrations', () => {
  let template: TestDatabase;
  let db: DataSource;
  let empty: string;
  beforeAll(async () => {
    template = await createTestDatabase();
    empty = `${new URL(template.url).pathname.slice(1)}_empty`;
    const owner = await new DataSource(dataSourceOptions(template.url, 1)).initialize();
    await owner.query(`CREATE DATABASE ${empty}`);
    await owner.destroy();
    db = await new DataSource(dataSourceOptions(databaseUrl(template.url, empty), 1)).initialize();
  });
  afterAll(async () => {
    await db?.destroy();
    const owner = await new DataSource(dataSourceOptions(template.url, 1)).initialize();
    await owner.query(`DROP DATABASE IF EXISTS ${empty} WITH (FORCE)`);
    await owner.destroy();
    await template.drop();
  });

  it('are such that the version before can live with them', async () => {
    const runner = db.createQueryRunner();
    const query = runner.query.bind(runner);
    let queries: string[] = [];
    runner.query = ((sql: string, ...rest: []) => {
      queries.push(sql);
      return query(sql, ...rest);
    }) as typeof runner.query;
    const broken: Record<string, string[]> = {};
    for (const migration of db.migrations) {
      queries = [];
      await migration.up(runner);
      expect(queries.length).toBeGreaterThan(0);
      const found = breaches(queries).map(({ statement, reason }) => `${reason}: ${statement}`);
      const name = migration.name ?? migration.constructor.name;
      if (found.length > 0) broken[name] = found;
    }
    await runner.release();
    const known = Object.keys(broken).filter((name) => BEFORE_THE_FIRST_RELEASE.includes(name));
    expect(known).toEqual(BEFORE_THE_FIRST_RELEASE);
    for (const name of known) delete broken[name];
    expect(broken).toEqual({});
  });
});

describe('the rules for migrations', () => {
  it.each([
    'ALTER TABLE events DROP COLUMN source',
    'ALTER TABLE events ADD COLUMN a text, DROP COLUMN IF EXISTS b',
    'ALTER TABLE ONLY events RENAME COLUMN source TO origin',
    'ALTER TABLE events RENAME TO messages',
    'ALTER TABLE events ALTER COLUMN source TYPE varchar(10)',
    'ALTER TABLE events ALTER source SET NOT NULL',
    `ALTER TABLE events ADD COLUMN region text NOT NULL CHECK (region IN ('eu', 'us'))`,
    'ALTER TABLE events ADD COLUMN token uuid DEFAULT gen_random_uuid()',
    'ALTER TABLE events ADD CONSTRAINT c CHECK (octet_length(payload) > 0)',
    'ALTER TABLE api_keys ADD CONSTRAINT f FOREIGN KEY (tenant_id) REFERENCES tenants (id)',
    'ALTER TABLE api_keys ADD CONSTRAINT u UNIQUE (name)',
    'CREATE INDEX i ON events (source)',
    'CREATE UNIQUE INDEX IF NOT EXISTS i ON "deliveries" (id)',
    'DROP INDEX i',
    'DROP TABLE IF EXISTS replays',
    'UPDATE endpoints SET weight = 1',
    'DELETE FROM endpoints',
    'TRUNCATE token_buckets',
    `SELECT 1;
     -- what comes after
     DROP TABLE replays`,
  ])('know that this one breaks them: %s', (statement) => {
    expect(breaches([statement])).toHaveLength(1);
  });

  it.each([
    `ALTER TABLE events ADD COLUMN region text NOT NULL DEFAULT 'eu, or so', ADD COLUMN note text`,
    'ALTER TABLE events ADD COLUMN at timestamptz DEFAULT now()',
    'ALTER TABLE events ADD CONSTRAINT c CHECK (octet_length(payload) > 0) NOT VALID',
    'ALTER TABLE events VALIDATE CONSTRAINT c',
    'ALTER TABLE api_keys ADD CONSTRAINT u UNIQUE USING INDEX api_keys_name_idx',
    'CREATE INDEX CONCURRENTLY i ON endpoints (url)',
    'CREATE INDEX i ON ONLY events (source)',
    'DROP INDEX CONCURRENTLY i',
    "CREATE TABLE regions (id text PRIMARY KEY); CREATE INDEX r ON regions (id); ALTER TABLE regions ADD CHECK (id > '')",
    'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM x; DROP TABLE y; END $$',
    'GRANT SELECT ON events TO posthaste_tenant',
  ])('let this one pass: %s', (statement) => {
    expect(breaches([statement])).toEqual([]);
  });
});

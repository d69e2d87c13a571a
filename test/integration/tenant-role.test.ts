import { Logger } from '@nestjs/common';
import { createDataSource } from '../../src/database/data-source.js';
import { migrateDatabase } from '../../src/database/migrate-database.js';
import { TenantDatabase } from '../../src/database/tenant-database.js';
import { isBehindTheWall, obstacleToTenantRole } from '../../src/database/tenant-role.js';
import { withClient } from '../../src/embedded/postmaster.js';
import { insertTenant } from '../support/core.js';
import { databaseUrl } from '../support/database.js';
import { FAST_SETTINGS, startPostgres, type TestPostgres } from '../support/postgres-server.js';

/** Roles belong to the whole cluster, so this is one of the file's own. */
let server: TestPostgres;
beforeAll(async () => {
  // It warns, as it should; nobody reads it here.
  Logger.overrideLogger(false);
  server = await startPostgres({ settings: FAST_SETTINGS });
});
afterAll(() => server.remove());

const asAdmin = async (...statements: string[]): Promise<void> =>
  withClient(server.url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });

/** A new database, and its address for a user with these rights, who owns it. */
async function databaseOf(user: string, rights: string, name = user): Promise<string> {
  await asAdmin(`CREATE ROLE ${user} LOGIN PASSWORD 'secret' ${rights}`, `CREATE DATABASE ${name} OWNER ${user}`);
  return urlOf(user, name);
}
function urlOf(user: string, name: string): string {
  const url = new URL(databaseUrl(server.url, name));
  url.username = user;
  url.password = 'secret';
  return url.href;
}

async function migrate(url: string): Promise<string[]> {
  const warnings: string[] = [];
  await migrateDatabase(url, (line) => warnings.push(line));
  return warnings;
}

/** Who works for a tenant there, and how many tenants that one sees who doesn't ask for its own. */
async function workAt(url: string): Promise<{ user: string; seen: number }> {
  const db = await createDataSource(url).initialize();
  try {
    const tenant = await insertTenant(db);
    await insertTenant(db);
    const rows = await new TenantDatabase(db).inTenant(tenant.id, (manager) =>
      manager.query<{ user: string; seen: number }[]>(
        `SELECT current_user::text AS "user", (SELECT count(*)::int FROM tenants) AS seen`,
      ),
    );
    return rows[0] as { user: string; seen: number };
  } finally {
    await db.destroy();
  }
}

describe('the role that works for a tenant', () => {
  it('is missing where the database user may make none: that is said, and work goes on without it', async () => {
    const url = await databaseOf('plain', 'NOCREATEROLE');
    expect(await migrate(url)).toEqual([expect.stringMatching(/no role posthaste_tenant.*permission denied/s)]);
    expect(await workAt(url)).toEqual({ user: 'plain', seen: 2 });
  });

  it('is made by a user who may, without being a superuser', async () => {
    const url = await databaseOf('maker', 'CREATEROLE');
    expect(await migrate(url)).toEqual([]);
    expect(await workAt(url)).toEqual({ user: 'posthaste_tenant', seen: 1 });
    expect(await migrate(url)).toEqual([]);
  });

  it('is no use to a user who was not given it, and comes into use with the next migration once they were', async () => {
    const url = urlOf('plain', 'plain');
    expect(await migrate(url)).toEqual([expect.stringMatching(/may not SET ROLE/)]);
    expect((await workAt(url)).user).toBe('plain');
    await asAdmin('GRANT posthaste_tenant TO plain WITH INHERIT FALSE');
    expect(await migrate(url)).toEqual([]);
    expect(await workAt(url)).toEqual({ user: 'posthaste_tenant', seen: 1 });
  });

  it('is not used as long as it lacks a right, which the next migration grants', async () => {
    const url = urlOf('maker', 'maker');
    const db = await createDataSource(url).initialize();
    await db.query('REVOKE UPDATE ON deliveries FROM posthaste_tenant');
    expect(await obstacleToTenantRole(db)).toBe('posthaste_tenant lacks UPDATE ON deliveries');
    expect((await workAt(url)).user).toBe('maker');
    expect(await migrate(url)).toEqual([]);
    expect(await obstacleToTenantRole(db)).toBeNull();
    await db.destroy();
  });

  it('is made once by databases of one cluster that are migrated at the same time', async () => {
    await asAdmin('DROP DATABASE plain', 'DROP DATABASE maker', 'DROP ROLE posthaste_tenant');
    const names = ['first', 'second', 'third'];
    await asAdmin(...names.map((name) => `CREATE DATABASE ${name}`));
    const urls = names.map((name) => databaseUrl(server.url, name));
    const before = await Promise.all(urls.map((url) => createDataSource(url).initialize()));
    await Promise.all(before.map((db) => db.destroy()));
    expect((await Promise.all(urls.map(migrate))).flat()).toEqual([]);
    for (const url of urls) expect(await workAt(url)).toEqual({ user: 'posthaste_tenant', seen: 1 });
  });

  it('is missed, and not done without, when it goes while processes run', async () => {
    const url = databaseUrl(server.url, 'first');
    const db = await createDataSource(url, 1).initialize();
    const tenants = new TenantDatabase(db);
    const { id } = await insertTenant(db);
    const whoAmI = (): Promise<{ user: string }[]> =>
      tenants.inTenant(id, (manager) => manager.query(`SELECT current_user::text AS "user"`));
    expect(await whoAmI()).toEqual([{ user: 'posthaste_tenant' }]);
    await asAdmin('ALTER ROLE posthaste_tenant RENAME TO elsewhere');
    await expect(whoAmI()).rejects.toMatchObject({ code: '22023' });
    // The one connection there is has been given back, out of the transaction.
    const rows = await db.query<object[]>(`SELECT now() = statement_timestamp() AS "isFree"`);
    expect(rows).toEqual([{ isFree: true }]);
    await asAdmin('ALTER ROLE elsewhere RENAME TO posthaste_tenant');
    expect(await whoAmI()).toEqual([{ user: 'posthaste_tenant' }]);
    await db.destroy();
  });
});

describe('the database user of a process', () => {
  it('is found out when the policies hide all rows from it', async () => {
    const url = databaseUrl(server.url, 'second');
    await withClient(url, async (client) => {
      await client.query(`CREATE ROLE reader LOGIN PASSWORD 'secret'`);
      await client.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`);
    });
    for (const [user, hidden] of [
      ['reader', true],
      ['owner', false],
    ] as const) {
      const db = await createDataSource(user === 'reader' ? urlOf('reader', 'second') : url).initialize();
      expect(await isBehindTheWall(db)).toBe(hidden);
      await db.destroy();
    }
  });
});

import type { DataSource, EntityManager } from 'typeorm';
import { newApiKey } from '../../src/api-keys/new-api-key.js';
import { SYSTEM } from '../../src/audit/actor.js';
import { recordAction } from '../../src/audit/record-action.query.js';
import { newId } from '../../src/common/ids.js';
import { ApiKey } from '../../src/api-keys/api-key.entity.js';
import { createDataSource } from '../../src/database/data-source.js';
import { ensurePartitions, PARTITIONED_TABLES } from '../../src/database/partitions.js';
import { TenantDatabase } from '../../src/database/tenant-database.js';
import { TENANT_GRANTS } from '../../src/database/tenant-role.js';
import { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import { insertEndpoint, insertTenant, rowsOf } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';

const DAY_MS = 24 * 3_600_000;
/** Has a tenant's column, and is none of the tenants' business. */
const NOT_FOR_TENANTS = ['tenant_removals'];
/** Not granted at all, which is more than a policy. */
const CLOSED = ['idempotency_keys', 'tenant_removals', 'token_buckets', 'worker_processes', 'migrations'];
const READABLE = Object.keys(TENANT_GRANTS);

let database: TestDatabase;
/** As the owner of the tables, for what tests look at. */
let db: DataSource;
/** With a single connection, so that a test sees what the one before it left there. */
let pooled: DataSource;
let tenants: TenantDatabase;
let acme: { id: string; endpointId: string };
let other: { id: string; endpointId: string };

beforeAll(async () => {
  database = await createTestDatabase();
  db = await createDataSource(database.url).initialize();
  pooled = await createDataSource(database.url, 1).initialize();
  tenants = new TenantDatabase(pooled);
  acme = await insertOneOfEach();
  other = await insertOneOfEach();
});
afterAll(async () => {
  await pooled.destroy();
  await db.destroy();
  await database.drop();
});

async function insertOneOfEach(): Promise<{ id: string; endpointId: string }> {
  const { id } = await insertTenant(db);
  const { row } = newApiKey({ tenantId: id, name: 'key', scopes: [], expiresAt: null });
  await db.getRepository(ApiKey).insert(row);
  const endpoint = await insertEndpoint(db, id);
  const event = await seedEvent(db, id);
  const delivery = await seedDelivery(db, event, endpoint.id, { status: 'dead_letter' }, ['failed']);
  await seedDeadLetter(db, event, delivery);
  await db.query(`INSERT INTO endpoint_circuits (endpoint_id, tenant_id) VALUES ($1, $2)`, [endpoint.id, id]);
  await db.query(`INSERT INTO circuit_transitions (id, endpoint_id, state) VALUES ($1, $2, 'open')`, [
    newId(),
    endpoint.id,
  ]);
  await db.query(`INSERT INTO replays (id, tenant_id, kind, filter, total) VALUES ($1, $2, 'endpoint', '{}', 0)`, [
    newId(),
    id,
  ]);
  await db.query(
    `INSERT INTO attempt_minutes (tenant_id, endpoint_id, minute, succeeded, failed, latency_counts)
     VALUES ($1, $2, now(), 1, 0, '{}')`,
    [id, endpoint.id],
  );
  await db.query(
    `INSERT INTO tenant_minutes (tenant_id, minute, events, deliveries, succeeded, dead_letter, cancelled,
       attempts_succeeded, attempts_failed, latency_counts) VALUES ($1, now(), 1, 1, 1, 0, 0, 1, 0, '{}')`,
    [id],
  );
  await recordAction(db.manager, SYSTEM, { tenantId: id, action: 'endpoint.disabled', subjectId: endpoint.id });
  return { id, endpointId: endpoint.id };
}

const asAcme = <T>(work: (manager: EntityManager) => Promise<T>): Promise<T> => tenants.inTenant(acme.id, work);
const queryAsAcme = <Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> =>
  asAcme((manager) => manager.query<Row[]>(sql, values));
const stateOfConnection = (manager: EntityManager = pooled.manager): Promise<unknown> =>
  manager.query(
    `SELECT current_user = session_user AS "isItself", nullif(current_setting('posthaste.tenant_id', true), '') AS tenant`,
  );
const AT_REST = [{ isItself: true, tenant: null }];
const DENIED = { code: '42501' };

describe("a tenant's work", () => {
  it.each(READABLE)('sees its own rows of %s and no others, when it forgets to ask for its own', async (table) => {
    const [all] = await rowsOf<{ n: number }>(db, `SELECT count(*)::int AS n FROM ${table}`);
    expect(all?.n).toBeGreaterThanOrEqual(2);
    const rows = await queryAsAcme<Record<string, string>>(`SELECT * FROM ${table}`);
    expect(rows).toHaveLength((all?.n ?? 0) / 2);
    const owners = rows.map(
      (row) => row[table === 'tenants' ? 'id' : table === 'circuit_transitions' ? 'endpoint_id' : 'tenant_id'],
    );
    expect(new Set(owners)).toEqual(new Set([table === 'circuit_transitions' ? acme.endpointId : acme.id]));
  });

  it.each(READABLE)("finds nothing in %s when it asks for another's", async (table) => {
    const column = table === 'tenants' ? 'id' : table === 'circuit_transitions' ? 'endpoint_id' : 'tenant_id';
    const id = column === 'endpoint_id' ? other.endpointId : other.id;
    expect(await queryAsAcme(`SELECT FROM ${table} WHERE ${column} = $1`, [id])).toEqual([]);
    expect(await rowsOf(db, `SELECT FROM ${table} WHERE ${column} = $1`, [id])).not.toEqual([]);
  });

  it.each(READABLE)('sees nothing of %s where nobody said which tenant', async (table) => {
    const rows = await pooled.transaction(async (manager) => {
      await manager.query(`SET LOCAL ROLE posthaste_tenant`);
      return manager.query<unknown[]>(`SELECT FROM ${table}`);
    });
    expect(rows).toEqual([]);
  });

  it('changes and deletes no rows but its own, when it forgets to ask for its own', async () => {
    await asAcme(async (manager) => {
      await manager.query(`UPDATE endpoints SET description = 'mine'`);
      await manager.query(`UPDATE deliveries SET last_error = 'mine'`);
      await manager.query(`UPDATE dead_letters SET last_error = 'mine'`);
      await manager.query(`UPDATE api_keys SET name = 'mine'`);
      await manager.query(`DELETE FROM endpoint_circuits`);
    });
    const find = (sql: string): Promise<object[]> => rowsOf(db, sql);
    expect(await find(`SELECT tenant_id AS id FROM endpoints WHERE description = 'mine'`)).toEqual([{ id: acme.id }]);
    expect(await find(`SELECT tenant_id AS id FROM deliveries WHERE last_error = 'mine'`)).toEqual([{ id: acme.id }]);
    expect(await find(`SELECT tenant_id AS id FROM dead_letters WHERE last_error = 'mine'`)).toEqual([{ id: acme.id }]);
    expect(await find(`SELECT tenant_id AS id FROM api_keys WHERE name = 'mine'`)).toEqual([{ id: acme.id }]);
    expect(await find(`SELECT tenant_id AS id FROM endpoint_circuits`)).toEqual([{ id: other.id }]);
  });

  it("can't insert or turn a row into another tenant's", async () => {
    const foreign = { id: newId(), tenantId: other.id, url: 'https://hooks.example.com/' };
    await expect(asAcme((manager) => manager.insert(Endpoint, foreign))).rejects.toMatchObject(DENIED);
    const action = { tenantId: other.id, action: 'endpoint.deleted', subjectId: newId() } as const;
    await expect(asAcme((manager) => recordAction(manager, SYSTEM, action))).rejects.toMatchObject(DENIED);
    await expect(queryAsAcme(`UPDATE endpoints SET tenant_id = $1`, [other.id])).rejects.toMatchObject(DENIED);
    expect(await rowsOf(db, `SELECT FROM endpoints WHERE tenant_id = $1`, [other.id])).toHaveLength(1);
  });

  it('has no right that it does not need', async () => {
    const statements = [
      ...CLOSED.map((table) => `SELECT FROM ${table}`),
      ...['tenants', 'events', 'deliveries', 'delivery_attempts', 'audit_log'].map((table) => `DELETE FROM ${table}`),
      `UPDATE tenants SET name = 'x'`,
      `UPDATE audit_log SET ip = 'x'`,
      `TRUNCATE audit_log`,
      `CREATE TABLE mine (id int)`,
      `SELECT FROM bullmq.job`,
      `ALTER TABLE endpoints DISABLE ROW LEVEL SECURITY`,
    ];
    for (const sql of statements) await expect(queryAsAcme(sql)).rejects.toMatchObject(DENIED);
  });
});

describe('partitions', () => {
  const partitions = async (): Promise<string[]> =>
    (
      await rowsOf<{ name: string }>(
        db,
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits
         WHERE inhparent = ANY ($1::regclass[]) ORDER BY 1`,
        [PARTITIONED_TABLES],
      )
    ).map(({ name }) => name);

  it('are closed to tenants, those that are made later too, and open through their table', async () => {
    const later = Date.now() + 40 * DAY_MS;
    const made = await ensurePartitions(db, later);
    expect(made.length).toBeGreaterThan(0);
    const all = await partitions();
    expect(all).toEqual(expect.arrayContaining(made));
    for (const name of all) await expect(queryAsAcme(`SELECT FROM ${name}`)).rejects.toMatchObject(DENIED);

    const id = `${Math.floor(later)
      .toString(16)
      .padStart(12, '0')
      .replace(/^(.{8})/, '$1-')}-7000-8000-000000000001`;
    for (const tenant of [acme, other]) {
      await seedEvent(db, tenant.id, { id: tenant === acme ? id : id.replace(/1$/, '2'), eventType: 'far.ahead' });
    }
    expect(await queryAsAcme(`SELECT id FROM events WHERE event_type = 'far.ahead'`)).toEqual([{ id }]);
  });
});

describe('the connection', () => {
  afterEach(async () => {
    expect(await stateOfConnection()).toEqual(AT_REST);
  });

  it('works as the role while the work lasts', async () => {
    expect(await asAcme(stateOfConnection)).toEqual([{ isItself: false, tenant: acme.id }]);
  });

  it('has neither role nor tenant after work that failed, and keeps nothing of it', async () => {
    const id = newId();
    const work = asAcme(async (manager) => {
      await manager.insert(Endpoint, { id, tenantId: acme.id, url: 'https://hooks.example.com/' });
      throw new Error('in the middle');
    });
    await expect(work).rejects.toThrow('in the middle');
    expect(await stateOfConnection()).toEqual(AT_REST);
    await expect(queryAsAcme('SELECT nonsense')).rejects.toMatchObject({ code: '42703' });
    expect(await rowsOf(db, `SELECT FROM endpoints WHERE id = $1`, [id])).toEqual([]);
  });

  it('keeps role and transaction when a part of the work is a transaction of its own that fails', async () => {
    const [kept, lost] = [newId(), newId()];
    const insert = (manager: EntityManager, id: string) =>
      manager.insert(Endpoint, { id, tenantId: acme.id, url: 'https://hooks.example.com/' });
    await asAcme(async (manager) => {
      await insert(manager, kept);
      const part = manager.transaction(async (inner) => {
        await insert(inner, lost);
        throw new Error('in the middle');
      });
      await expect(part).rejects.toThrow('in the middle');
      await manager.transaction((inner) => inner.query('SELECT 1'));
      expect(await stateOfConnection(manager)).toEqual([{ isItself: false, tenant: acme.id }]);
    });
    expect(await rowsOf(db, `SELECT id FROM endpoints WHERE id = ANY($1)`, [[kept, lost]])).toEqual([{ id: kept }]);
    await db.query(`DELETE FROM endpoints WHERE id = $1`, [kept]);
  });

  it('takes no text for the id of a tenant', async () => {
    const work = tenants.inTenant(`${acme.id}'; SET ROLE NONE; --`, stateOfConnection);
    await expect(work).rejects.toThrow('not a UUID');
  });

  it('keeps tenants apart that take turns on it', async () => {
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const { id } = index % 2 === 0 ? acme : other;
        return tenants.inTenant(id, (manager) => manager.query<{ id: string }[]>(`SELECT id FROM tenants`));
      }),
    );
    expect(seen.map((rows) => rows[0]?.id)).toEqual(seen.map((_, index) => (index % 2 === 0 ? acme : other).id));
  });
});

describe('the wall', () => {
  it('stands before every table that tells whose a row is', async () => {
    const open = await rowsOf<{ name: string }>(
      db,
      `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))`,
    );
    expect(open.map(({ name }) => name)).toEqual(NOT_FOR_TENANTS);
  });

  it('leaves the usual way through the index on a list', async () => {
    const plan = await asAcme(async (manager) => {
      await manager.query(`SET LOCAL enable_seqscan = off`);
      return manager.query<Record<string, string>[]>(
        `EXPLAIN SELECT * FROM deliveries WHERE tenant_id = $1 ORDER BY id DESC LIMIT 51`,
        [acme.id],
      );
    });
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Index Scan Backward/);
    expect(text).not.toMatch(/-> +(Sort|Seq Scan|Bitmap)/);
  });
});

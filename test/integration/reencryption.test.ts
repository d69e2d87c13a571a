import { randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { SecretBox } from '../../src/common/secret-box.js';
import { createDataSource } from '../../src/database/data-source.js';
import { EndpointSecrets } from '../../src/endpoints/endpoint-secrets.service.js';
import { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import { reencryptSecrets, type ColumnReport } from '../../src/reencryption/reencrypt-secrets.js';
import { SEALED_COLUMNS } from '../../src/reencryption/sealed-columns.js';
import { openTenantSecret, sealTenantSecret } from '../../src/tenants/tenant-secret.js';
import { Tenant } from '../../src/tenants/tenant.entity.js';
import { newId } from '../../src/common/ids.js';
import { insertEndpoint, rowsOf } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';

const [OLD, NEW, LOST] = [0, 1, 2].map(() => randomBytes(32).toString('base64')) as [string, string, string];
const oldBox = new SecretBox(OLD);
const box = new SecretBox(NEW, [OLD]);
const newBox = new SecretBox(NEW);
const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();
const AN_HOUR_AGO = new Date(Date.now() - 3_600_000).toISOString();

let database: TestDatabase;
let db: DataSource;
let tenantId: string;
beforeEach(async () => {
  database = await createTestDatabase();
  db = await createDataSource(database.url, 4).initialize();
  tenantId = newId();
  const secretKeySealed = sealTenantSecret(oldBox, tenantId, 'tenant-secret');
  await db.getRepository(Tenant).insert({ id: tenantId, name: 'Acme', secretKeySealed });
});
afterEach(async () => {
  await db.destroy();
  await database.drop();
});

/** An endpoint with one of everything that is sealed. */
async function seedEndpoint(
  sealer = oldBox,
  retired: [string, string][] = [['old-secret', IN_AN_HOUR]],
): Promise<string> {
  const id = newId();
  const secrets = new EndpointSecrets(sealer);
  await insertEndpoint(db, tenantId, {
    id,
    secretSealed: secrets.sealSecret(id, `secret of ${id}`),
    retiredSecrets: retired.map(([text, expires_at]) => ({ sealed: secrets.sealSecret(id, text), expires_at })),
    headersSealed: secrets.sealHeaders(id, { 'x-token': `token of ${id}` }),
    tls: { ca: null, client_cert: 'certificate' },
    tlsKeySealed: secrets.sealTlsKey(id, `key of ${id}`),
  });
  return id;
}

const find = (id: string): Promise<Endpoint> => db.getRepository(Endpoint).findOneByOrFail({ id });
async function expectOpenedBy(opener: SecretBox, id: string): Promise<void> {
  const endpoint = await find(id);
  const secrets = new EndpointSecrets(opener);
  expect(secrets.openSecret(id, endpoint.secretSealed ?? '')).toBe(`secret of ${id}`);
  expect(secrets.openHeaders(endpoint)).toEqual({ 'x-token': `token of ${id}` });
  expect(secrets.openTls(endpoint)?.key).toBe(`key of ${id}`);
  expect(endpoint.retiredSecrets.map(({ sealed }) => secrets.openSecret(id, sealed))).toEqual(['old-secret']);
}
const resealedOf = (reports: ColumnReport[]): number[] => reports.map(({ resealed }) => resealed);
const staleOf = async (): Promise<number> =>
  (await rowsOf(db, `SELECT FROM endpoints WHERE NOT starts_with(secret_sealed, $1)`, [box.prefix])).length;

describe('changing the encryption key', () => {
  it('knows every column that holds something sealed', async () => {
    const sealed = await rowsOf<{ name: string }>(
      db,
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND (column_name LIKE '%sealed%' OR column_name = 'retired_secrets')
         AND table_name NOT LIKE '%\\_20______' ORDER BY 1`,
    );
    expect(SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort()).toEqual(
      sealed.map(({ name }) => name),
    );
  });

  it('seals everything anew, so that the old key can be taken away', async () => {
    const ids = [await seedEndpoint(), await seedEndpoint(), await seedEndpoint()];
    await insertEndpoint(db, tenantId);
    const before = await find(ids[0] ?? '');
    expect(resealedOf(await reencryptSecrets(db, box, { batch: 2 }))).toEqual([1, 3, 3, 3, 3]);
    for (const id of ids) await expectOpenedBy(newBox, id);
    const tenant = await db.getRepository(Tenant).findOneByOrFail({ id: tenantId });
    expect(openTenantSecret(newBox, tenantId, tenant.secretKeySealed)).toBe('tenant-secret');
    // To the tenant nothing has changed.
    const after = await find(ids[0] ?? '');
    expect(after.updatedAt).toEqual(before.updatedAt);
    expect(after.retiredSecrets[0]?.expires_at).toBe(IN_AN_HOUR);
  });

  it('finds nothing to do the second time', async () => {
    const id = await seedEndpoint();
    await reencryptSecrets(db, box);
    const once = await find(id);
    expect(resealedOf(await reencryptSecrets(db, box))).toEqual([0, 0, 0, 0, 0]);
    expect(await find(id)).toEqual(once);
  });

  it('writes nothing in a dry run, but says what it would and what it could not', async () => {
    const id = await seedEndpoint();
    const lost = await seedEndpoint(new SecretBox(LOST));
    const before = [await find(id), await find(lost)];
    const reports = await reencryptSecrets(db, box, { dryRun: true });
    expect(resealedOf(reports)).toEqual([1, 1, 1, 1, 1]);
    expect(reports.map(({ unreadable }) => unreadable)).toEqual([[], [lost], [lost], [lost], [lost]]);
    expect([await find(id), await find(lost)]).toEqual(before);
  });

  it('leaves alone what no known key opens, names it, and goes on with the rest', async () => {
    const lost = await seedEndpoint(new SecretBox(LOST));
    const before = await find(lost);
    const moved = await seedEndpoint();
    const other = await seedEndpoint();
    const { secretSealed } = await find(other);
    await db.getRepository(Endpoint).update({ id: moved }, { secretSealed });
    const reports = await reencryptSecrets(db, box, { batch: 1 });
    expect(reports[1]).toEqual({ column: 'endpoints.secret_sealed', resealed: 1, unreadable: [lost, moved], left: 0 });
    expect(await find(lost)).toEqual(before);
    await expectOpenedBy(newBox, other);
  });

  it('drops old secrets that sign no more, which nobody may be able to open', async () => {
    const id = await seedEndpoint(oldBox, [
      ['old-secret', IN_AN_HOUR],
      ['expired-secret', AN_HOUR_AGO],
    ]);
    const endpoint = await find(id);
    const unreadable = new EndpointSecrets(new SecretBox(LOST)).sealSecret(id, 'x');
    const retiredSecrets = [...endpoint.retiredSecrets, { sealed: unreadable, expires_at: AN_HOUR_AGO }];
    await db.getRepository(Endpoint).update({ id }, { retiredSecrets });
    expect((await reencryptSecrets(db, box)).flatMap(({ unreadable: ids }) => ids)).toEqual([]);
    await expectOpenedBy(newBox, id);
  });

  it('goes on where it was when it broke off in the middle', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 7; count += 1) ids.push(await seedEndpoint());
    // The third write of this column fails, as when the connection is lost.
    await db.query(`
      CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'broken off' USING ERRCODE = '08006'; END $$`);
    await db.query(`
      CREATE TRIGGER break_off BEFORE UPDATE ON endpoints FOR EACH ROW
      WHEN (NEW.id = '${ids[5]}') EXECUTE FUNCTION break_off()`);
    await expect(reencryptSecrets(db, box, { batch: 2 })).rejects.toThrow('broken off');
    expect(await staleOf()).toBe(3);
    // Both keys are known meanwhile, so everything works on.
    for (const id of ids) await expectOpenedBy(box, id);
    await db.query('DROP TRIGGER break_off ON endpoints');
    expect(resealedOf(await reencryptSecrets(db, box, { batch: 2 }))).toEqual([0, 3, 7, 7, 7]);
    for (const id of ids) await expectOpenedBy(newBox, id);
  });

  it('may run twice at once: each row is written by one of them', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 40; count += 1) ids.push(await seedEndpoint());
    const runs = await Promise.all([reencryptSecrets(db, box, { batch: 3 }), reencryptSecrets(db, box, { batch: 5 })]);
    expect(runs.flat().flatMap(({ unreadable, left }) => [...unreadable, ...(left > 0 ? ['left'] : [])])).toEqual([]);
    const sums = resealedOf(runs[0]).map((count, index) => count + (resealedOf(runs[1])[index] ?? 0));
    expect(sums).toEqual([1, 40, 40, 40, 40]);
    for (const id of ids) await expectOpenedBy(newBox, id);
  });

  it('never undoes a change that is made between its reading and its writing', async () => {
    const id = await seedEndpoint();
    const secrets = new EndpointSecrets(oldBox);
    // Somebody holds the row while it is read, and then rotates the secret, with a process that has yet to learn the new key.
    const runner = db.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`UPDATE endpoints SET secret_sealed = $2 WHERE id = $1`, [
      id,
      secrets.sealSecret(id, 'rotated'),
    ]);
    const run = reencryptSecrets(db, box);
    await waitUntilBlocked();
    await runner.commitTransaction();
    await runner.release();
    expect((await run)[1]).toMatchObject({ resealed: 1, left: 0 });
    const { secretSealed } = await find(id);
    expect(new EndpointSecrets(newBox).openSecret(id, secretSealed ?? '')).toBe('rotated');
  });
});

const waitUntilBlocked = (): Promise<void> =>
  waitFor(
    async () =>
      (await rowsOf(db, `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`))
        .length > 0,
    { what: 'a statement to wait for a lock' },
  );

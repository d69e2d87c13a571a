import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { SecretBox } from '../../src/common/secret-box.js';
import { createDataSource } from '../../src/database/data-source.js';
import { revertLastMigration } from '../../src/database/migrate-database.js';
import { examine, type DoctorOptions } from '../../src/doctor/doctor.js';
import type { Finding } from '../../src/doctor/finding.js';
import { asJson, asText, hasProblem } from '../../src/doctor/report.js';
import { withClient } from '../../src/embedded/postmaster.js';
import { describeRedis } from '../support/backends.js';
import { insertEndpoint, insertTenant } from '../support/core.js';
import { createTestDatabase, databaseUrl, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis-server.js';
import { seedDelivery, seedEvent } from '../support/seed.js';

const KEY = randomBytes(32).toString('base64');

let database: TestDatabase;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  database = await createTestDatabase();
  env = { DATABASE_URL: database.url, ADMIN_API_KEY: 'an operator key of 32 characters', ENCRYPTION_KEY: KEY };
});
afterEach(() => database.drop());

const sql = (...statements: string[]): Promise<void> =>
  withClient(database.url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
const look = (options: DoctorOptions = {}): Promise<Finding[]> => examine({ env, ...options });
const find = (findings: Finding[], check: string): Finding | undefined => findings.find((one) => one.check === check);
const troubles = (findings: Finding[]): string[] =>
  findings
    .filter(({ status }) => status !== 'ok' && status !== 'skipped')
    .map(({ check, status }) => `${check} ${status}`);
/** Whether the machine of the tests has room on its disk is not what they are about. */
const besidesDisk = (findings: Finding[]): string[] =>
  troubles(findings).filter((line) => !line.startsWith('postgres.disk'));

describe('posthaste doctor', () => {
  it('finds nothing wrong with an installation that is well', async () => {
    const findings = await look();
    expect(besidesDisk(findings)).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['node.version', 'settings', 'postgres.clock', 'schema.queue', 'schema.partitions']),
    );
    expect(find(findings, 'redis.connection')?.status).toBe('skipped');
    expect(asText(findings)).toMatch(/^ok {7}Node\.js [^]*\n0 problem\(s\), \d warning\(s\)$/);
    expect(JSON.parse(asJson(findings))).toMatchObject({ ok: true, findings });
  });

  it('names each bad setting, and looks no further', async () => {
    const findings = await look({ env: { ...env, ADMIN_API_KEY: 'short', QUEUE_PREFIX: 'a b' } });
    expect(troubles(findings)).toEqual(['settings problem', 'settings problem']);
    expect(findings.map(({ message }) => message).join()).toMatch(/ADMIN_API_KEY.*QUEUE_PREFIX/);
    expect(find(findings, 'postgres.connection')).toBeUndefined();
    expect(hasProblem(findings)).toBe(true);
  });

  it.each([
    ['nobody listens', async () => `postgres://u@127.0.0.1:${await freePort()}/x`, /Start PostgreSQL/],
    ['the database is missing', () => Promise.resolve(databaseUrl(database.url, 'nowhere')), /Create the database/],
  ])('says what to do where %s', async (_case, url, advice) => {
    const findings = await look({ env: { ...env, DATABASE_URL: await url() } });
    expect(troubles(findings)).toEqual(['postgres.connection problem']);
    expect(find(findings, 'postgres.connection')?.advice).toMatch(advice);
  });

  it('sees a clock that is off, both ways', async () => {
    const ahead = await look({ now: () => Date.now() + 10_000 });
    expect(find(ahead, 'postgres.clock')).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(/ahead of/) as string,
    });
    const behind = await look({ now: () => Date.now() - 600_000 });
    expect(find(behind, 'postgres.clock')).toMatchObject({
      status: 'problem',
      message: expect.stringMatching(/behind/) as string,
    });
  });

  it('sees pending migrations, and those of a newer version', async () => {
    await sql(`INSERT INTO migrations ("timestamp", name) VALUES (9, 'FromTheFuture9')`);
    expect(find(await look(), 'schema.migrations')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('FromTheFuture9') as string,
    });
    await sql(`DELETE FROM migrations WHERE name = 'FromTheFuture9'`);
    const name = await revertLastMigration(database.url);
    expect(find(await look(), 'schema.migrations')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining(String(name)) as string,
      advice: expect.stringContaining('posthaste migrate') as string,
    });
  });

  it('sees an empty database', async () => {
    await sql('DROP SCHEMA public CASCADE', 'CREATE SCHEMA public');
    expect(besidesDisk(await look())).toEqual(['schema.migrations problem']);
  });

  it("sees that BullMQ's schema is missing, or old", async () => {
    await sql('DELETE FROM bullmq.migration WHERE version = (SELECT max(version) FROM bullmq.migration)');
    expect(besidesDisk(await look())).toEqual(['schema.queue problem']);
    await sql('DROP SCHEMA bullmq CASCADE');
    expect(besidesDisk(await look())).toEqual(['schema.queue problem']);
  });

  it('sees that nobody made partitions', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    await sql(`DROP TABLE events_${tomorrow}`);
    const findings = await look();
    expect(besidesDisk(findings)).toEqual(['schema.partitions problem']);
    expect(find(findings, 'schema.partitions')?.message).toContain(`events_${tomorrow}`);
  });

  it('sees that row-level security stands open, or hides everything', async () => {
    await sql('REVOKE SELECT ON events FROM posthaste_tenant');
    expect(besidesDisk(await look())).toEqual(['schema.row_level_security warning']);
    const user = `doctor_${randomBytes(4).toString('hex')}`;
    await sql(
      `CREATE ROLE ${user} LOGIN PASSWORD 'secret'`,
      `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${user}`,
      `GRANT USAGE ON SCHEMA bullmq TO ${user}`,
      `GRANT SELECT ON ALL TABLES IN SCHEMA bullmq TO ${user}`,
    );
    try {
      const url = new URL(database.url);
      url.username = user;
      url.password = 'secret';
      const findings = await look({ env: { ...env, DATABASE_URL: url.href } });
      expect(besidesDisk(findings)).toEqual(['schema.user problem']);
      // Such a user can't ask where the data is.
      expect(find(findings, 'postgres.disk')?.status).toBe('skipped');
    } finally {
      await sql(`DROP OWNED BY ${user}`, `DROP ROLE ${user}`);
    }
  });

  it('sees that the encryption key is not the one, or not yet the only one', async () => {
    const other = randomBytes(32).toString('base64');
    const db = await createDataSource(database.url).initialize();
    const box = new SecretBox(other);
    await insertTenant(db, { secretKeySealed: box.seal('secret', 'a tenant') });
    await db.destroy();
    const findings = await look();
    expect(find(findings, 'schema.encryption_key')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining(
        `1 secret(s) are sealed with keys that are not known here: ${box.keyId}`,
      ) as string,
    });
    expect(asText(findings)).not.toContain(other);
    const retired = await look({ env: { ...env, ENCRYPTION_KEYS_RETIRED: other } });
    expect(find(retired, 'schema.encryption_key')?.status).toBe('warning');
    const right = await look({ env: { ...env, ENCRYPTION_KEY: other } });
    expect(find(right, 'schema.encryption_key')?.status).toBe('ok');
  });

  it('sees that nobody delivers', async () => {
    const db = await createDataSource(database.url).initialize();
    const tenant = await insertTenant(db, { secretKeySealed: new SecretBox(KEY).seal('secret', 'a tenant') });
    const endpoint = await insertEndpoint(db, tenant.id, { secretSealed: new SecretBox(KEY).seal('secret', 'it') });
    const event = await seedEvent(db, tenant.id);
    await seedDelivery(db, event, endpoint.id, { nextAttemptAt: new Date(Date.now() - 3_600_000) });
    await db.destroy();
    const findings = await look();
    expect(besidesDisk(findings)).toEqual(['deliveries.overdue warning']);
    expect(find(findings, 'deliveries.overdue')?.message).toMatch(/36\d\d s/);
  });

  it('sees that there are too few connections for one more process', async () => {
    expect(besidesDisk(await look({ env: { ...env, DATABASE_POOL_SIZE: '500' } }))).toEqual([
      'postgres.connections warning',
    ]);
  });
});

describeRedis('posthaste doctor', () => {
  let redis: TestRedis | undefined;
  afterEach(async () => {
    await redis?.stop();
    redis = undefined;
  });

  it('sees a Redis that drops queued deliveries, or is nearly full', async () => {
    redis = await startRedis({
      args: ['--maxmemory-policy', 'allkeys-lru', '--maxmemory', '1200kb', '--appendonly', 'yes'],
    });
    const findings = await look({ env: { ...env, REDIS_URL: redis.url } });
    expect(besidesDisk(findings)).toEqual(['redis.eviction problem', 'redis.memory warning']);
  });

  it('is content with one that has noeviction, and mentions that it keeps nothing on disk', async () => {
    redis = await startRedis();
    expect(besidesDisk(await look({ env: { ...env, REDIS_URL: redis.url } }))).toEqual(['redis.persistence warning']);
  });

  it('sees a replica', async () => {
    redis = await startRedis({ args: ['--replicaof', '127.0.0.1', String(await freePort())] });
    const findings = await look({ env: { ...env, REDIS_URL: redis.url } });
    expect(besidesDisk(findings)).toContain('redis.role problem');
  });

  it('says what to do where nobody listens, or the password is wrong', async () => {
    const gone = await look({ env: { ...env, REDIS_URL: `redis://127.0.0.1:${await freePort()}` } });
    expect(find(gone, 'redis.connection')).toMatchObject({
      status: 'problem',
      message: expect.stringMatching(/ECONNREFUSED/) as string,
    });
    redis = await startRedis();
    const admin = new Redis(redis.url);
    await admin.config('SET', 'requirepass', 'right');
    admin.disconnect();
    const url = redis.url.replace('//', '//:wrong-password@');
    const refused = await look({ env: { ...env, REDIS_URL: url } });
    expect(find(refused, 'redis.connection')?.status).toBe('problem');
    expect(asText(refused)).not.toContain('wrong-password');
  });
});

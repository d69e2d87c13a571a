import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';

import type { BucketLimit } from '../../src/rate-limit/bucket-limit.js';
import { PostgresTokenBuckets } from '../../src/rate-limit/postgres-token-buckets.js';
import { RedisTokenBuckets } from '../../src/rate-limit/redis-token-buckets.js';
import type { TokenBuckets } from '../../src/rate-limit/token-buckets.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { redisUrlForTests } from '../support/redis-server.js';
import { describeTokenBuckets } from './token-buckets.contract.js';

const redisUrl = redisUrlForTests();

/** Asks until a token is granted; a bucket that never grants one runs into the test's time limit. */
async function granted(buckets: TokenBuckets, key: string, limit: BucketLimit): Promise<void> {
  while ((await buckets.take(key, limit, 1)).allowed === 0);
}

describe('token buckets [postgres]', () => {
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new Pool({ connectionString: database.url, max: 10 });
    // `end()` resolves before the last sockets are closed, and dropping the database then cuts them off.
    pool.on('error', () => undefined);
    // Until the migration makes it.
    await pool.query(`CREATE UNLOGGED TABLE IF NOT EXISTS token_buckets (
      key text CONSTRAINT token_buckets_pkey PRIMARY KEY, tokens double precision NOT NULL, updated_at timestamptz NOT NULL
    ) WITH (fillfactor = 50)`);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const buckets = (): PostgresTokenBuckets =>
    new PostgresTokenBuckets(async (sql, parameters) => (await pool.query<object>(sql, parameters)).rows);

  describeTokenBuckets(() => Promise.resolve({ first: buckets(), second: buckets(), close: () => Promise.resolve() }));

  it('removes buckets that were idle, and only those', async () => {
    const limit = { ratePerSecond: 1, burst: 5 };
    await pool.query('DELETE FROM token_buckets');
    await buckets().takeMany(['idle', 'used'].map((key) => ({ key, limit, tokens: 5 })));
    await pool.query(`UPDATE token_buckets SET updated_at = now() - interval '2 hours' WHERE key = 'idle'`);
    expect(await buckets().removeIdle(3_600)).toBe(1);
    const { rows } = await pool.query<{ key: string }>('SELECT key FROM token_buckets');
    expect(rows).toEqual([{ key: 'used' }]);
  });

  it('starts anew when the clock was set back, instead of waiting until it has caught up', async () => {
    const limit = { ratePerSecond: 1_000, burst: 5 };
    await buckets().take('ahead', limit, 5);
    await pool.query(`UPDATE token_buckets SET tokens = 0, updated_at = now() + interval '1 hour' WHERE key = 'ahead'`);
    expect(await buckets().take('ahead', limit, 1)).toMatchObject({ allowed: 0, retryAfterMs: 1 });
    await granted(buckets(), 'ahead', limit);
  });

  it('fails when the database does', async () => {
    const away = new PostgresTokenBuckets(() => Promise.reject(new Error('away')));
    await expect(away.take('x', { ratePerSecond: 1, burst: 1 }, 1)).rejects.toThrow('away');
  });
});

(redisUrl === undefined ? describe.skip : describe)('token buckets [redis]', () => {
  const keyPrefix = `test:${randomUUID()}:`;
  const clients: Redis[] = [];

  function client(): Redis {
    const redis = new Redis(redisUrl ?? '');
    clients.push(redis);
    return redis;
  }
  afterAll(async () => {
    const [redis] = clients;
    const keys = (await redis?.keys(`${keyPrefix}*`)) ?? [];
    if (keys.length > 0) await redis?.del(...keys);
    await Promise.all(clients.map((each) => each.quit()));
  });

  const buckets = (): RedisTokenBuckets => new RedisTokenBuckets(client(), keyPrefix);

  describeTokenBuckets(() => Promise.resolve({ first: buckets(), second: buckets(), close: () => Promise.resolve() }));

  it('lets a bucket expire soon after it is full, and not before', async () => {
    const redis = client();
    await new RedisTokenBuckets(redis, keyPrefix).take('expiring', { ratePerSecond: 2, burst: 20 }, 20);
    const expiresInMs = await redis.pttl(`${keyPrefix}expiring`);
    expect(expiresInMs).toBeGreaterThan(10_000);
    expect(expiresInMs).toBeLessThanOrEqual(11_000);
  });

  it('starts anew when the clock was set back, instead of waiting until it has caught up', async () => {
    const redis = client();
    const limit = { ratePerSecond: 1_000, burst: 5 };
    await redis.hset(`${keyPrefix}ahead`, { tokens: 0, at: (Date.now() + 3_600_000) * 1_000 });
    const bucket = new RedisTokenBuckets(redis, keyPrefix);
    expect(await bucket.take('ahead', limit, 1)).toMatchObject({ allowed: 0, retryAfterMs: 1 });
    await granted(bucket, 'ahead', limit);
  });

  it('goes on when the server has forgotten the script', async () => {
    const redis = client();
    const bucket = new RedisTokenBuckets(redis, keyPrefix);
    const limit = { ratePerSecond: 1, burst: 2 };
    await bucket.take('forgotten', limit, 1);
    await redis.script('FLUSH');
    expect(await bucket.take('forgotten', limit, 1)).toMatchObject({ allowed: 1 });
  });
});

import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { BucketLimit } from '../../src/rate-limit/bucket-limit.js';
import type { ReserveResult, TokenBuckets } from '../../src/rate-limit/token-buckets.js';
import { elapse } from '../support/elapse.js';

/** Two sets of buckets on one store, as two processes have them. */
export interface Store {
  readonly first: TokenBuckets;
  readonly second: TokenBuckets;
  close(): Promise<void>;
}

/** A grant that happened at some time from `from` to `until` (milliseconds): its store's answer was under way then. */
interface Grant {
  readonly from: number;
  readonly until: number;
  readonly tokens: number;
}

/**
 * The most tokens by which the grants exceed `burst + rate × time` over any interval. Only grants that certainly lie
 * inside an interval count, so that what is above zero is an excess for certain.
 */
function excess(grants: readonly Grant[], limit: BucketLimit): number {
  const byEnd = [...grants].sort((a, b) => a.until - b.until);
  let worst = -Infinity;
  for (const { from } of grants) {
    let tokens = 0;
    for (const grant of byEnd) {
      if (grant.from < from) continue;
      tokens += grant.tokens;
      worst = Math.max(worst, tokens - limit.burst - (limit.ratePerSecond * (grant.until - from)) / 1000);
    }
  }
  return worst;
}

/** What the store's clock may run apart from this process's, and what rounding to whole milliseconds may bring closer. */
const slack = (limit: BucketLimit, roundingMs = 0): number => 0.02 + (limit.ratePerSecond * (roundingMs + 0.2)) / 1_000;

async function timed<T>(work: () => Promise<T>): Promise<{ from: number; until: number; value: T }> {
  const from = performance.now();
  const value = await work();
  return { from, until: performance.now(), value };
}

const times = <T>(count: number, work: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => work(i));

/** Describes what every kind of token buckets must do; `open` is called once for all of it. */
export function describeTokenBuckets(open: () => Promise<Store>): void {
  let store: Store;
  let key: string;

  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());
  beforeEach(() => {
    key = `tenant:${randomUUID()}`;
  });

  /** A rate so low that nothing is gained during a test. */
  const still = (burst: number): BucketLimit => ({ ratePerSecond: 1e-5, burst });

  describe('take', () => {
    it('grants the burst at once and then says when the next token comes', async () => {
      const limit = { ratePerSecond: 0.01, burst: 3 };
      expect(await store.first.take(key, limit, 2)).toEqual({ allowed: 2, remaining: 1, retryAfterMs: 0 });
      expect(await store.second.take(key, limit, 1)).toEqual({ allowed: 1, remaining: 0, retryAfterMs: 0 });
      const refused = await store.first.take(key, limit, 1);
      expect(refused).toMatchObject({ allowed: 0, remaining: 0 });
      expect(refused.retryAfterMs).toBeGreaterThan(50_000);
      expect(refused.retryAfterMs).toBeLessThanOrEqual(100_000);
    });

    it('grants all or nothing, and a refusal costs nothing', async () => {
      expect(await store.first.take(key, still(5), 3)).toMatchObject({ allowed: 3, remaining: 2 });
      expect(await store.first.take(key, still(5), 3)).toMatchObject({ allowed: 0, remaining: 2 });
      expect(await store.first.take(key, still(5), 2)).toMatchObject({ allowed: 2, remaining: 0, retryAfterMs: 0 });
    });

    it('says for all or nothing when all of them will be there', async () => {
      const limit = { ratePerSecond: 0.1, burst: 10 };
      await store.first.take(key, limit, 10);
      const { retryAfterMs } = await store.first.take(key, limit, 10);
      expect(retryAfterMs).toBeGreaterThan(90_000);
      expect(retryAfterMs).toBeLessThanOrEqual(100_000);
    });

    it('grants what there is when a part will do', async () => {
      const partial = await store.first.take(key, still(5), 8, { partial: true });
      expect(partial).toMatchObject({ allowed: 5, remaining: 0 });
      expect(partial.retryAfterMs).toBeGreaterThan(0);
      expect(await store.first.take(key, still(5), 8, { partial: true })).toMatchObject({ allowed: 0 });
    });

    it('only looks when asked for none', async () => {
      expect(await store.first.take(key, still(4), 0)).toEqual({ allowed: 0, remaining: 4, retryAfterMs: 0 });
      await store.first.take(key, still(4), 4);
      expect(await store.first.take(key, still(4), 0)).toEqual({ allowed: 0, remaining: 0, retryAfterMs: 0 });
    });

    it('has the token for one who comes back after retryAfterMs', async () => {
      const limit = { ratePerSecond: 40, burst: 2 };
      await store.first.take(key, limit, 2);
      for (let refusals = 0; refusals < 5;) {
        const { allowed, retryAfterMs } = await store.first.take(key, limit, 1);
        // On a slow machine a token may have come in between.
        if (allowed === 1) continue;
        refusals++;
        await elapse(retryAfterMs);
        expect(await store.first.take(key, limit, 1)).toMatchObject({ allowed: 1 });
      }
    });

    it('never holds more than the burst, however much has been gained', async () => {
      const limit = { ratePerSecond: 1_000_000, burst: 5 };
      await store.first.take(key, limit, 5);
      let seen = await store.first.take(key, limit, 0);
      while (seen.remaining < 5) seen = await store.first.take(key, limit, 0);
      // A microsecond a token: many more than five have been gained by now.
      expect(seen).toMatchObject({ remaining: 5 });
      expect(await store.first.take(key, limit, 50, { partial: true })).toMatchObject({ allowed: 5 });
    });

    it('gains parts of a token, however often one looks, and grants none before it is whole', async () => {
      const limit = { ratePerSecond: 20, burst: 1 };
      const { from, until } = await timed(() => store.first.take(key, limit, 1));
      let granted = false;
      while (!granted) {
        const look = await timed(() => store.first.take(key, limit, 1));
        granted = look.value.allowed === 1;
        // 50 ms a token; half a millisecond is for the two clocks.
        if (granted) expect(look.until - from).toBeGreaterThan(49.5);
        else expect(look.from - until).toBeLessThan(50.5);
      }
    });

    it('follows a limit that changes', async () => {
      expect(await store.first.take(key, still(10), 0)).toMatchObject({ remaining: 10 });
      expect(await store.first.take(key, still(3), 0)).toMatchObject({ remaining: 3 });
      expect(await store.first.take(key, still(10), 0)).toMatchObject({ remaining: 3 });
    });

    it.each<[string, BucketLimit, number]>([
      ['more than the burst', { ratePerSecond: 1, burst: 2 }, 3],
      ['a part of a token', { ratePerSecond: 1, burst: 2 }, 0.5],
      ['fewer than no tokens', { ratePerSecond: 1, burst: 2 }, -1],
      ['from a bucket that gains nothing', { ratePerSecond: 0, burst: 2 }, 1],
      ['from a bucket that holds nothing', { ratePerSecond: 1, burst: 0.5 }, 1],
      ['from a bucket without a number', { ratePerSecond: NaN, burst: 2 }, 1],
    ])('refuses to take %s', async (_, limit, tokens) => {
      await expect(store.first.take(key, limit, tokens)).rejects.toThrow(RangeError);
    });
  });

  describe('take, by concurrent callers of two processes', () => {
    it('grants exactly the burst of a bucket that gains nothing meanwhile', async () => {
      const results = await Promise.all(
        times(100, (index) => (index % 2 === 0 ? store.first : store.second).take(key, still(30), 1)),
      );
      expect(results.filter((result) => result.allowed === 1)).toHaveLength(30);
    });

    it('never exceeds burst + rate × time over any interval, and never starves them', async () => {
      const limit = { ratePerSecond: 200, burst: 10 };
      const grants: Grant[] = [];
      const startedAt = performance.now();
      let firstGrantUntil = Infinity;
      let lastTryFrom = 0;
      await Promise.all(
        times(8, async (caller) => {
          const buckets = caller % 2 === 0 ? store.first : store.second;
          while (performance.now() - startedAt < 1_000) {
            const wanted = 1 + (caller % 3);
            const { from, until, value } = await timed(() => buckets.take(key, limit, wanted, { partial: true }));
            lastTryFrom = Math.max(lastTryFrom, from);
            firstGrantUntil = Math.min(firstGrantUntil, until);
            if (value.allowed > 0) grants.push({ from, until, tokens: value.allowed });
            if (value.retryAfterMs > 0) await delay(value.retryAfterMs);
          }
        }),
      );
      expect(excess(grants, limit)).toBeLessThanOrEqual(slack(limit));
      const total = grants.reduce((sum, grant) => sum + grant.tokens, 0);
      const due = limit.burst + (limit.ratePerSecond * (lastTryFrom - firstGrantUntil)) / 1000;
      // Callers sleep until the next token, so a busy machine leaves some untaken.
      expect(total).toBeGreaterThan(due / 5);
    });

    it('obeys any limit under any mixture of demands', async () => {
      const limits = fc.record({
        ratePerSecond: fc.double({ min: 0.1, max: 2_000, noNaN: true }),
        burst: fc.integer({ min: 1, max: 40 }),
      });
      const demands = fc.array(fc.record({ tokens: fc.integer({ min: 1, max: 6 }), partial: fc.boolean() }), {
        minLength: 1,
        maxLength: 25,
      });
      await fc.assert(
        fc.asyncProperty(limits, demands, async (limit, wanted) => {
          const bucket = randomUUID();
          const takeable = wanted.filter(({ tokens, partial }) => partial || tokens <= limit.burst);
          const answers = await Promise.all(
            takeable.map(({ tokens, partial }, index) =>
              timed(() => (index % 2 === 0 ? store.first : store.second).take(bucket, limit, tokens, { partial })),
            ),
          );
          answers.forEach(({ value }, index) => {
            const { tokens, partial } = takeable[index] ?? { tokens: 0, partial: false };
            expect(value.allowed).toBeLessThanOrEqual(tokens);
            if (!partial) expect([0, tokens]).toContain(value.allowed);
            expect(value.retryAfterMs > 0).toBe(value.allowed < tokens);
          });
          const grants = answers.map(({ from, until, value }) => ({ from, until, tokens: value.allowed }));
          expect(excess(grants, limit)).toBeLessThanOrEqual(slack(limit));
          const total = grants.reduce((sum, grant) => sum + grant.tokens, 0);
          const asked = takeable.reduce((sum, { tokens }) => sum + tokens, 0);
          const divisible = takeable.every(({ tokens, partial }) => partial || tokens === 1);
          if (divisible) expect(total).toBeGreaterThanOrEqual(Math.min(asked, limit.burst));
        }),
        { numRuns: 40 },
      );
    });
  });

  describe('takeMany', () => {
    it('answers each request in order', async () => {
      const results = await store.first.takeMany([
        { key, limit: still(3), tokens: 2 },
        { key: `${key}:b`, limit: still(1), tokens: 5, partial: true },
        { key: `${key}:a`, limit: still(9), tokens: 9 },
      ]);
      const answers = results.map((result) => [result.allowed, result.remaining]);
      expect(answers.join(' ')).toBe('2,1 1,0 9,0');
    });

    it('answers nothing to nothing', async () => {
      expect(await store.first.takeMany([])).toEqual([]);
    });

    it('serves repeated keys one after the other', async () => {
      const single = { key, limit: still(5), tokens: 1 };
      const results = await store.first.takeMany([single, single, { ...single, tokens: 9, partial: true }, single]);
      expect(results.map((result) => [result.allowed, result.remaining, result.retryAfterMs === 0])).toEqual([
        [1, 4, true],
        [1, 3, true],
        [3, 0, false],
        [0, 0, false],
      ]);
    });

    it('serves repeated requests for all or nothing, too', async () => {
      const pair = { key, limit: still(5), tokens: 2 };
      const results = await store.first.takeMany([pair, pair, pair, { ...pair, key: `${key}:other` }]);
      expect(results.map((result) => result.allowed)).toEqual([2, 2, 0, 2]);
    });

    it('never deadlocks on the same keys in different orders', async () => {
      const keys = times(20, (index) => `${key}:${index}`);
      const limit = still(1_000);
      await Promise.all(
        times(40, (index) => {
          const order = index % 2 === 0 ? keys : [...keys].reverse();
          const buckets = index % 3 === 0 ? store.first : store.second;
          return buckets.takeMany(order.map((each) => ({ key: each, limit, tokens: 1 })));
        }),
      );
      const after = await store.first.takeMany(keys.map((each) => ({ key: each, limit, tokens: 0 })));
      expect(after.map((result) => result.remaining)).toEqual(keys.map(() => 960));
    });
  });

  describe('reserve', () => {
    it('books consecutive tokens, the burst at once and the rest at the rate', async () => {
      const limit = { ratePerSecond: 2, burst: 3 };
      const results = await store.first.reserveMany(times(6, () => ({ key, limit, maxWaitMs: 60_000 })));
      expect(results.every((result) => result.booked)).toBe(true);
      expect(results.map((result) => result.waitMs)).toEqual([0, 0, 0, 500, 1_000, 1_500]);
    });

    it('books no further ahead than asked, and tells the others when to ask again', async () => {
      const limit = { ratePerSecond: 10, burst: 1 };
      const results = await store.first.reserveMany(times(6, () => ({ key, limit, maxWaitMs: 250 })));
      expect(results).toEqual<ReserveResult[]>([
        { booked: true, waitMs: 0 },
        { booked: true, waitMs: 100 },
        { booked: true, waitMs: 200 },
        { booked: false, waitMs: 300 },
        { booked: false, waitMs: 400 },
        { booked: false, waitMs: 500 },
      ]);
    });

    it('books nothing ahead when nobody may wait', async () => {
      expect(await store.first.reserve(key, still(1), 0)).toEqual({ booked: true, waitMs: 0 });
      expect(await store.first.reserve(key, still(1), 0)).toMatchObject({ booked: false });
    });

    it('is a debt to those who take', async () => {
      const limit = { ratePerSecond: 0.1, burst: 1 };
      await store.first.reserveMany(times(3, () => ({ key, limit, maxWaitMs: 100_000 })));
      const refused = await store.second.take(key, limit, 1);
      expect(refused).toMatchObject({ allowed: 0, remaining: 0 });
      expect(refused.retryAfterMs).toBeGreaterThan(20_000);
      expect(refused.retryAfterMs).toBeLessThanOrEqual(30_000);
    });

    it('spreads concurrent bookings of two processes so that any interval holds burst + rate × time of them', async () => {
      const limit = { ratePerSecond: 50, burst: 5 };
      const answers = await Promise.all(
        times(60, (index) => timed(() => (index % 2 === 0 ? store.first : store.second).reserve(key, limit, 10_000))),
      );
      expect(answers.every(({ value }) => value.booked)).toBe(true);
      const grants = answers.map(({ from, until, value }) => ({
        from: from + value.waitMs,
        until: until + value.waitMs,
        tokens: 1,
      }));
      expect(excess(grants, limit)).toBeLessThanOrEqual(slack(limit, 1));
      // No token is skipped either: the last is due when 55 have been gained.
      expect(Math.max(...answers.map(({ value }) => value.waitMs))).toBeLessThanOrEqual(1_100);
    });

    it.each([-1, NaN, Infinity])('refuses a look-ahead of %s', async (maxWaitMs) => {
      await expect(store.first.reserve(key, still(1), maxWaitMs)).rejects.toThrow(RangeError);
    });
  });

  describe('giveBack', () => {
    it('returns a token to the next one, also out of a debt', async () => {
      const limit = still(2);
      await store.first.reserveMany(times(4, () => ({ key, limit, maxWaitMs: 1e9 })));
      await store.first.giveBack(key, limit, 1);
      expect(await store.second.reserve(key, limit, 0)).toMatchObject({ booked: false });
      await store.first.giveBack(key, limit, 2);
      expect(await store.second.reserve(key, limit, 0)).toEqual({ booked: true, waitMs: 0 });
      expect(await store.second.reserve(key, limit, 0)).toMatchObject({ booked: false });
    });

    it('never fills a bucket beyond its burst', async () => {
      await store.first.giveBack(key, still(3), 100);
      expect(await store.first.take(key, still(3), 0)).toMatchObject({ remaining: 3 });
    });
  });
}

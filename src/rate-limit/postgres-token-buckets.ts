import type { Order } from './order-rounds.js';
import { LEVEL_TOLERANCE, TokenBuckets, type Spending } from './token-buckets.js';

/**
 * Runs one SELECT-like statement and resolves to its rows, outside of any transaction of the caller's: a bucket's row
 * stays locked until the statement's transaction ends.
 */
export type RunSql = (sql: string, parameters: unknown[]) => Promise<readonly object[]>;

/**
 * One statement refills, spends and answers. Rows are locked in the order of their keys, as batches that lock the same
 * rows in different orders deadlock. Each row's time is read when its lock is held (`timed` reads `locked` row by row):
 * a time read before waiting for a lock could lie before the time that the last holder wrote. The UPDATE is wrapped so
 * that the statement as a whole is a SELECT, whose rows every client answers in the same way.
 */
const SPEND_SQL = `
WITH wanted AS (
  SELECT * FROM unnest($1::text[], $2::float8[], $3::float8[], $4::float8[], $5::float8[], $6::boolean[])
    AS wanted (key, rate, burst, tokens, credit, divisible)
), locked AS MATERIALIZED (
  SELECT key, tokens, updated_at FROM token_buckets WHERE key = ANY ($1::text[]) ORDER BY key FOR UPDATE
), timed AS MATERIALIZED (
  SELECT key, tokens, updated_at, clock_timestamp() AS now FROM locked
), refilled AS (
  SELECT w.*, t.now,
    least(w.burst, t.tokens + greatest(0, extract(epoch FROM t.now - t.updated_at)::float8) * w.rate) AS level
  FROM timed t JOIN wanted w USING (key)
), spent AS (
  SELECT key, now, burst, level,
    CASE
      WHEN tokens <= level + credit + ${LEVEL_TOLERANCE} THEN tokens
      WHEN divisible THEN greatest(0, floor(level + credit + ${LEVEL_TOLERANCE}))
      ELSE 0
    END AS granted
  FROM refilled
), updated AS (
  UPDATE token_buckets bucket
  SET tokens = least(spent.burst, spent.level - spent.granted), updated_at = spent.now
  FROM spent WHERE bucket.key = spent.key
  RETURNING bucket.key, spent.granted, bucket.tokens AS level
)
SELECT key, granted, level FROM updated`;

const FILL_SQL = `
INSERT INTO token_buckets (key, tokens, updated_at)
SELECT key, burst, clock_timestamp() FROM unnest($1::text[], $2::float8[]) AS missing (key, burst) ORDER BY key
ON CONFLICT (key) DO NOTHING`;

const REMOVE_IDLE_SQL = `
WITH idle AS (
  SELECT key FROM token_buckets WHERE updated_at < clock_timestamp() - make_interval(secs => $1::float8)
  ORDER BY key FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM token_buckets bucket USING idle WHERE bucket.key = idle.key RETURNING 1
)
SELECT count(*)::int AS removed FROM removed`;

interface SpentRow {
  readonly key: string;
  readonly granted: number;
  readonly level: number;
}

/**
 * Token buckets in PostgreSQL, for deployments without Redis: a row a bucket in the unlogged table `token_buckets`, on
 * the server's clock. A crash of the server empties that table, which is to say that it fills every bucket.
 */
export class PostgresTokenBuckets extends TokenBuckets {
  constructor(private readonly runSql: RunSql) {
    super();
  }

  /**
   * Removes buckets that were not used for so long, which fills them: `idleSeconds` should be no less than any bucket
   * takes to fill.
   *
   * @returns how many were removed
   */
  async removeIdle(idleSeconds: number): Promise<number> {
    const [row] = (await this.runSql(REMOVE_IDLE_SQL, [idleSeconds])) as readonly { removed: number }[];
    return row?.removed ?? 0;
  }

  protected override async spend(orders: readonly Order[]): Promise<Spending[]> {
    const spendings = new Map<string, Spending>();
    let missing = orders;
    while (missing.length > 0) {
      for (const { key, ...spending } of await this.spendExisting(missing)) spendings.set(key, spending);
      missing = orders.filter((order) => !spendings.has(order.key));
      // A bucket's first use costs two statements more; that it is removed again between these two hardly happens.
      if (missing.length > 0) await this.fill(missing);
    }
    return orders.map((order) => spendings.get(order.key) as Spending);
  }

  private async spendExisting(orders: readonly Order[]): Promise<readonly SpentRow[]> {
    const rows = await this.runSql(SPEND_SQL, [
      orders.map((order) => order.key),
      orders.map((order) => order.limit.ratePerSecond),
      orders.map((order) => order.limit.burst),
      orders.map((order) => order.tokens),
      orders.map((order) => order.credit),
      orders.map((order) => order.divisible),
    ]);
    return rows as readonly SpentRow[];
  }

  private async fill(orders: readonly Order[]): Promise<void> {
    await this.runSql(FILL_SQL, [orders.map((order) => order.key), orders.map((order) => order.limit.burst)]);
  }
}

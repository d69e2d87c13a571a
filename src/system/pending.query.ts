import type { DataSource } from 'typeorm';
import type { HoldReason } from '../deliveries/delivery.entity.js';

/** Beyond it nobody needs to know exactly, and counting a backlog of millions would take seconds. */
export const COUNTED_AT_MOST = 10_000;

export interface PendingCounts {
  /** Due and not in the queue yet. */
  due: number;
  /** In the queue or under way. */
  leased: number;
  /** Waiting for their time. */
  scheduled: number;
  held: Record<HoldReason, number>;
  /** Since when the oldest of the due ones is; null: there is none. */
  oldestDueAt: Date | null;
}

interface Row {
  due: number;
  leased: number;
  scheduled: number;
  oldest_due_at: Date | null;
  circuit: number;
  rate_limit: number;
  disabled: number;
  suspended: number;
  fairness: number;
}

/** Each count is of an index's first entries, and ends at {@link COUNTED_AT_MOST}. */
export async function countPending(db: DataSource): Promise<PendingCounts> {
  const held = (reason: HoldReason): string =>
    `(SELECT count(*)::int FROM (SELECT FROM deliveries
        WHERE status = 'pending' AND held_by = '${reason}' AND held_by IS NOT NULL LIMIT $1) h) AS ${reason}`;
  const due = `status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL`;
  const [row] = await db.query<[Row]>(
    `SELECT
       (SELECT count(*)::int FROM (SELECT FROM deliveries WHERE ${due} AND next_attempt_at <= now() LIMIT $1) d) AS due,
       (SELECT count(*)::int FROM (SELECT FROM deliveries WHERE ${due} AND next_attempt_at > now() LIMIT $1) s) AS scheduled,
       (SELECT count(*)::int FROM (SELECT FROM deliveries
          WHERE status = 'pending' AND leased_until IS NOT NULL LIMIT $1) l) AS leased,
       (SELECT next_attempt_at FROM deliveries WHERE ${due} AND next_attempt_at <= now()
          ORDER BY next_attempt_at LIMIT 1) AS oldest_due_at,
       ${held('circuit')}, ${held('rate_limit')}, ${held('disabled')}, ${held('suspended')}, ${held('fairness')}`,
    [COUNTED_AT_MOST],
  );
  const { circuit, rate_limit, disabled, suspended, fairness, oldest_due_at, ...counts } = row;
  return {
    ...counts,
    held: { circuit, rate_limit, disabled, suspended, fairness },
    oldestDueAt: oldest_due_at,
  };
}

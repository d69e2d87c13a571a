import type { DataSource } from 'typeorm';
import { prepared } from '../database/prepared-statements.js';

export interface LeasedCount {
  tenant_id: string;
  endpoint_id: string;
  /** Whether their leases are those that last longer than `splitSeconds`. */
  is_recent: boolean;
  leased: number;
}

const COUNT_LEASED = prepared(`
  SELECT tenant_id, endpoint_id, leased_until > now() + make_interval(secs => $2) AS is_recent, count(*)::int AS leased
  FROM deliveries
  WHERE status = 'pending' AND leased_until IS NOT NULL AND leased_until > now() + make_interval(secs => $1)
    -- As all are. Of a range the planner expects little and reads the index alone, which notes what is dead there: a bitmap would
    -- visit the rows of all, each time.
    AND leased_until < 'infinity'
  GROUP BY 1, 2, 3`);

/**
 * Deliveries that are in the queue or under way, by endpoint. A lease that ran out doesn't count: what it stood for is enqueued
 * again. What the partial index holds beside them are deliveries that have been settled since the last vacuum, in the order in which
 * their leases would have run out: those of so many seconds are read as well.
 * @param fromSeconds only leases that last longer from now on; 0: all that have not run out
 * @param splitSeconds told apart by whether they last longer than this
 */
export function countLeased(db: DataSource, fromSeconds: number, splitSeconds: number): Promise<LeasedCount[]> {
  return db.query<LeasedCount[]>(COUNT_LEASED, [fromSeconds, splitSeconds]);
}

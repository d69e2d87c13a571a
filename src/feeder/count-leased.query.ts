import type { DataSource } from 'typeorm';
import { prepared } from '../database/prepared-statements.js';

export interface LeasedCount {
  tenant_id: string;
  endpoint_id: string;
  leased: number;
}

const COUNT_LEASED = prepared(`
  SELECT tenant_id, endpoint_id, count(*)::int AS leased
  FROM deliveries
  WHERE status = 'pending' AND leased_until IS NOT NULL AND leased_until > now()
  GROUP BY tenant_id, endpoint_id`);

/**
 * Deliveries that are in the queue or under way, by endpoint. The partial index on leased deliveries holds no more than the
 * queue's window. A lease that ran out doesn't count: what it stood for is enqueued again.
 */
export function countLeased(db: DataSource): Promise<LeasedCount[]> {
  return db.query<LeasedCount[]>(COUNT_LEASED);
}

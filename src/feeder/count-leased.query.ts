import type { DataSource } from 'typeorm';

export interface LeasedCount {
  tenant_id: string;
  endpoint_id: string;
  leased: number;
}

/**
 * Deliveries that are in the queue or under way, by endpoint. The partial index on leased deliveries holds no more than the
 * queue's window. A lease that ran out doesn't count: what it stood for is enqueued again.
 */
export function countLeased(db: DataSource): Promise<LeasedCount[]> {
  return db.query<LeasedCount[]>(`
    SELECT tenant_id, endpoint_id, count(*)::int AS leased
    FROM deliveries
    WHERE status = 'pending' AND leased_until IS NOT NULL AND leased_until > now()
    GROUP BY tenant_id, endpoint_id`);
}

import type { DataSource } from 'typeorm';

export interface WaitingEndpoint {
  endpoint_id: string;
  tenant_id: string;
}

/**
 * Endpoints with deliveries that wait for a place. One look-up an endpoint (a loose index scan by recursion): a DISTINCT
 * would read every waiting delivery, and there may be a million of them.
 */
export function findWaitingEndpoints(db: DataSource, limit: number): Promise<WaitingEndpoint[]> {
  const waiting = `SELECT endpoint_id, tenant_id FROM deliveries
    WHERE status = 'pending' AND held_by = 'fairness' AND held_by IS NOT NULL`;
  return db.query<WaitingEndpoint[]>(
    `WITH RECURSIVE endpoint AS (
       (${waiting} ORDER BY endpoint_id LIMIT 1)
       UNION ALL
       SELECT next.endpoint_id, next.tenant_id
       FROM endpoint CROSS JOIN LATERAL (
         ${waiting} AND endpoint_id > endpoint.endpoint_id ORDER BY endpoint_id LIMIT 1
       ) next
     )
     SELECT endpoint_id, tenant_id FROM endpoint LIMIT $1`,
    [limit],
  );
}

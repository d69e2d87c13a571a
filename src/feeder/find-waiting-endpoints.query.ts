import type { DataSource } from 'typeorm';

export interface WaitingEndpoint {
  endpoint_id: string;
  tenant_id: string;
}

/** What the feeder lets go: a place in the queue that is free, a circuit that lets pass. */
export type WaitReason = 'fairness' | 'circuit';

/**
 * Endpoints with deliveries that wait for this. One look-up an endpoint (a loose index scan by recursion): a DISTINCT
 * would read every waiting delivery, and there may be a million of them.
 */
export function findWaitingEndpoints(db: DataSource, reason: WaitReason, limit: number): Promise<WaitingEndpoint[]> {
  const waiting = `SELECT endpoint_id, tenant_id FROM deliveries
    WHERE status = 'pending' AND held_by = '${reason}' AND held_by IS NOT NULL`;
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

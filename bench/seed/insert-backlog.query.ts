import type pg from 'pg';

export interface BacklogEvent {
  id: string;
  /** Its place among the tenants. */
  tenant: number;
}

/** Events of right now, each with a delivery that is due and that nobody has touched. Each tenant has one endpoint. */
export async function insertBacklog(
  db: pg.Client,
  {
    count,
    tenantIds,
    endpointIds,
    payload,
  }: {
    count: number;
    tenantIds: string[];
    /** Beside their tenants. */
    endpointIds: string[];
    payload: string;
  },
): Promise<BacklogEvent[]> {
  const { rows } = await db.query<BacklogEvent>(
    `WITH seeded AS MATERIALIZED (
       SELECT owner.tenant_id, owner.endpoint_id, owner.n, uuidv7() AS event_id, uuidv7(interval '1 ms') AS delivery_id
       FROM generate_series(1, $1::int) AS place
       JOIN unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS owner (tenant_id, endpoint_id, n)
         ON owner.n = place % cardinality($2::uuid[]) + 1
     ), stored_events AS (
       INSERT INTO events (id, tenant_id, event_type, source, payload, traceparent, created_at)
       SELECT event_id, tenant_id, 'order.created', 'bench', $4,
         '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00', now()
       FROM seeded
     ), stored_deliveries AS (
       INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
       SELECT delivery_id, tenant_id, event_id, endpoint_id, 'order.created', 7, now()
       FROM seeded
     )
     SELECT event_id::text AS id, n::int - 1 AS tenant FROM seeded`,
    [count, tenantIds, endpointIds, payload],
  );
  return rows;
}

import type { EntityManager } from 'typeorm';
import { HOLD_REASONS } from '../deliveries/delivery.entity.js';

/** How far pending deliveries are counted, for an endpoint or a tenant: beyond that the number says only "very many". */
export const MAX_PENDING_COUNT = 100_000;

/** Each reason by name, as they lead the index of those held back: one look-up a reason, not a walk through all of them. */
const HELD = `held_by IS NOT NULL AND held_by IN ('${HOLD_REASONS.join(`', '`)}')`;

interface PendingRow {
  endpoint_id: string;
  pending: number;
}

/**
 * Pending deliveries by endpoint, up to {@link MAX_PENDING_COUNT} each. A pending delivery stands in one of three partial
 * indexes, and each part reads one of them: held back (by endpoint, so only those asked for), leased to the queue (no more
 * than the queue's window), and waiting for its time (all tenants' scheduled retries, in the index alone).
 * @returns endpoints without any are left out
 */
export async function countPending(
  manager: EntityManager,
  endpointIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await manager.query<PendingRow[]>(
    `WITH part AS (
       SELECT asked.endpoint_id, held.n
       FROM unnest($1::uuid[]) AS asked (endpoint_id)
       CROSS JOIN LATERAL (
         SELECT count(*) AS n FROM (
           SELECT FROM deliveries
           -- One that is held until a time stands in the index of those times as well, and is counted there.
           WHERE status = 'pending' AND ${HELD} AND leased_until IS NULL AND next_attempt_at IS NULL
             AND endpoint_id = asked.endpoint_id
           LIMIT ${MAX_PENDING_COUNT}
         ) capped
       ) held
       UNION ALL
       SELECT endpoint_id, count(*) FROM deliveries
       WHERE status = 'pending' AND leased_until IS NOT NULL AND endpoint_id = ANY($1::uuid[])
       GROUP BY endpoint_id
       UNION ALL
       SELECT endpoint_id, count(*) FROM deliveries
       WHERE status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL AND endpoint_id = ANY($1::uuid[])
       GROUP BY endpoint_id
     )
     SELECT endpoint_id, least(sum(n), ${MAX_PENDING_COUNT})::int AS pending FROM part GROUP BY endpoint_id`,
    [endpointIds],
  );
  return new Map(rows.map(({ endpoint_id, pending }) => [endpoint_id, pending]));
}

/**
 * A tenant's pending deliveries, up to {@link MAX_PENDING_COUNT}, where it stops reading. Those of deleted endpoints, soon
 * cancelled, don't count.
 */
export async function countPendingOfTenant(manager: EntityManager, tenantId: string): Promise<number> {
  const rows = await manager.query<{ pending: number }[]>(
    `WITH endpoint AS (SELECT array_agg(id) AS ids FROM endpoints WHERE tenant_id = $1)
     SELECT count(*)::int AS pending FROM (
       (SELECT FROM deliveries
        WHERE status = 'pending' AND leased_until IS NOT NULL AND endpoint_id = ANY((SELECT ids FROM endpoint)::uuid[]))
       UNION ALL
       (SELECT FROM deliveries
        WHERE status = 'pending' AND ${HELD} AND leased_until IS NULL AND next_attempt_at IS NULL
          AND endpoint_id = ANY((SELECT ids FROM endpoint)::uuid[]))
       UNION ALL
       (SELECT FROM deliveries
        WHERE status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL
          AND endpoint_id = ANY((SELECT ids FROM endpoint)::uuid[]))
       LIMIT ${MAX_PENDING_COUNT}
     ) capped`,
    [tenantId],
  );
  return rows[0]?.pending ?? 0;
}

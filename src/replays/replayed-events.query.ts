import type { EntityManager } from 'typeorm';
import type { IdRange } from './replay.entity.js';

export interface ReplayedEvents extends IdRange {
  tenantId: string;
  /** Only events that this endpoint never got a delivery for, whatever became of it; null: all. */
  missingAt: string | null;
}

export interface ReplayedEvent {
  id: string;
  event_type: string;
}

/** How many events of each type there are, wanted or not. */
export function countEventsByType(
  manager: EntityManager,
  { tenantId, missingAt, fromId, throughId }: ReplayedEvents,
): Promise<{ event_type: string; n: number }[]> {
  // A delivery's id comes after its event's, so the same constant bounds both: partitions are pruned, and the planner may hash.
  const missing = `AND NOT EXISTS (
    SELECT FROM deliveries d WHERE d.event_id = v.id AND d.endpoint_id = $4 AND d.id > $2)`;
  return manager.query<{ event_type: string; n: number }[]>(
    `SELECT v.event_type, count(*)::int AS n FROM events v
     WHERE v.tenant_id = $1 AND v.id > $2 AND v.id <= $3 ${missingAt === null ? '' : missing}
     GROUP BY v.event_type`,
    [tenantId, fromId, throughId, ...(missingAt === null ? [] : [missingAt])],
  );
}

/** @returns events of these types, oldest first */
export function findEvents(
  manager: EntityManager,
  { tenantId, missingAt, fromId, throughId }: ReplayedEvents,
  eventTypes: readonly string[],
  limit: number,
): Promise<ReplayedEvent[]> {
  // LATERAL with a LIMIT, because the planner would make a hash of all the endpoint's deliveries out of NOT EXISTS, for each chunk anew.
  const missing = `LEFT JOIN LATERAL (
    SELECT true AS found FROM deliveries d WHERE d.event_id = v.id AND d.endpoint_id = $6 AND d.id >= v.id LIMIT 1
  ) delivery ON true`;
  return manager.query<ReplayedEvent[]>(
    `SELECT v.id, v.event_type FROM events v ${missingAt === null ? '' : missing}
     WHERE v.tenant_id = $1 AND v.id > $2 AND v.id <= $3 AND v.event_type = ANY($4::text[])
       ${missingAt === null ? '' : 'AND delivery.found IS NULL'}
     ORDER BY v.id LIMIT $5`,
    [tenantId, fromId, throughId, eventTypes, limit, ...(missingAt === null ? [] : [missingAt])],
  );
}

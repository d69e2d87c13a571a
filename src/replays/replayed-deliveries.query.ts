import type { EntityManager } from 'typeorm';
import { openLetterOf } from '../dead-letters/open-letter.query.js';
import type { IdRange, ReplayedStatus } from './replay.entity.js';

export interface ReplayedDeliveries extends IdRange {
  tenantId: string;
  endpointId: string;
  status: Exclude<ReplayedStatus, 'missing'>;
}

export interface ReplayedDelivery {
  id: string;
  event_id: string;
  event_type: string;
  /** False when the event's partition is gone, and its payload with it. */
  has_event: boolean;
  /** The unresolved dead letter that a fresh delivery retries; always there for `dead_letter`, null for the others. */
  dead_letter_id: string | null;
}

/** How many events have such a delivery. Must be asked in the transaction that stores the replay, whose time bounds both. */
export async function countDeliveries(
  manager: EntityManager,
  { tenantId, endpointId, status, fromId, throughId }: ReplayedDeliveries,
): Promise<number> {
  const rows = await manager.query<{ n: number }[]>(
    `SELECT count(DISTINCT d.event_id)::int AS n FROM deliveries d
     WHERE d.tenant_id = $1 AND d.endpoint_id = $2 AND d.id > $3 AND d.id <= $4
       AND d.status = $5 AND d.completed_at <= now()::timestamptz(3)
       ${status === 'dead_letter' ? `AND ${openLetterOf('d')} IS NOT NULL` : ''}`,
    [tenantId, endpointId, fromId, throughId, status],
  );
  return rows[0]?.n ?? 0;
}

/**
 * Oldest first, and of several deliveries of an event the first: else two replays of what keeps failing would make four
 * deliveries of one.
 * @param replayFromId the lower bound of the whole replay, not of this chunk
 * @param askedAt deliveries that came to this status later weren't meant; its own fresh ones never are, whatever clock made their ids
 */
export function findDeliveries(
  manager: EntityManager,
  { tenantId, endpointId, status, fromId, throughId }: ReplayedDeliveries,
  { replayFromId, askedAt, limit }: { replayFromId: string; askedAt: Date; limit: number },
): Promise<ReplayedDelivery[]> {
  const isDeadLetter = status === 'dead_letter';
  return manager.query<ReplayedDelivery[]>(
    `SELECT d.id, d.event_id, d.event_type, EXISTS (SELECT FROM events v WHERE v.id = d.event_id) AS has_event,
       ${isDeadLetter ? 'letter.id' : 'NULL::uuid'} AS dead_letter_id
     FROM deliveries d ${isDeadLetter ? `CROSS JOIN LATERAL ${openLetterOf('d')} letter` : ''}
     WHERE d.tenant_id = $1 AND d.endpoint_id = $2 AND d.id > $3 AND d.id <= $4
       AND d.status = $5 AND d.completed_at <= $6
       AND NOT EXISTS (
         SELECT FROM deliveries first
         WHERE first.event_id = d.event_id AND first.endpoint_id = $2 AND first.id > $7 AND first.id < d.id
           AND first.status = $5 AND first.completed_at <= $6)
     ORDER BY d.id LIMIT $8`,
    [tenantId, endpointId, fromId, throughId, status, askedAt, replayFromId, limit],
  );
}

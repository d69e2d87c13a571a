import type { EntityManager } from 'typeorm';
import type { IdBounds } from '../replays/replay-range.js';
import type { DeadLetterFilterDto } from './dead-letter-filter.dto.js';

type LetterFilter = Pick<DeadLetterFilterDto, 'endpoint_id' | 'event_type' | 'reason'> & IdBounds;

/**
 * SKIP LOCKED: who has one locked is retrying it, resolving it, or writing how its retry went, many at a time; waiting for
 * them could make deadlocks.
 * @returns ids of those it resolved
 */
export async function resolveLetters(
  manager: EntityManager,
  tenantId: string,
  { endpoint_id, event_type, reason, fromId, throughId }: LetterFilter,
  limit: number,
): Promise<string[]> {
  const [rows] = await manager.query<[{ id: string }[], number]>(
    `WITH found AS (
       SELECT id FROM dead_letters
       WHERE tenant_id = $1 AND resolved_at IS NULL AND id > $2 AND ($3::uuid IS NULL OR id <= $3)
         AND ($4::uuid IS NULL OR endpoint_id = $4) AND ($5::text IS NULL OR event_type = $5)
         AND ($6::text IS NULL OR reason = $6)
       ORDER BY id LIMIT $7
       FOR UPDATE SKIP LOCKED
     )
     UPDATE dead_letters l SET resolved_at = now(), resolution = 'resolved'
     FROM found WHERE l.id = found.id AND l.tenant_id = $1
     RETURNING l.id`,
    [tenantId, fromId, throughId, endpoint_id ?? null, event_type ?? null, reason ?? null, limit],
  );
  return rows.map(({ id }) => id);
}

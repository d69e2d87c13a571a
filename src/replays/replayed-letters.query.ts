import type { EntityManager } from 'typeorm';
import type { DeadLetterFilter } from './replay.entity.js';

const UNRESOLVED = `tenant_id = $1 AND id > $2 AND id <= $3 AND resolved_at IS NULL
  AND ($4::uuid IS NULL OR endpoint_id = $4) AND ($5::text IS NULL OR event_type = $5) AND ($6::text IS NULL OR reason = $6)`;

const parameters = (
  tenantId: string,
  { fromId, throughId, endpointId, eventType, reason }: DeadLetterFilter,
): unknown[] => [tenantId, fromId, throughId, endpointId, eventType, reason];

export async function countLetters(
  manager: EntityManager,
  tenantId: string,
  filter: DeadLetterFilter,
): Promise<number> {
  const rows = await manager.query<{ n: number }[]>(
    `SELECT count(*)::int AS n FROM dead_letters WHERE ${UNRESOLVED}`,
    parameters(tenantId, filter),
  );
  return rows[0]?.n ?? 0;
}

/**
 * @param askedAt letters that were written later were not meant, whatever clock made their ids
 * @returns ids, oldest first
 */
export async function findLetters(
  manager: EntityManager,
  tenantId: string,
  filter: DeadLetterFilter,
  { askedAt, limit }: { askedAt: Date; limit: number },
): Promise<string[]> {
  const rows = await manager.query<{ id: string }[]>(
    `SELECT id FROM dead_letters WHERE ${UNRESOLVED} AND created_at <= $7 ORDER BY id LIMIT $8`,
    [...parameters(tenantId, filter), askedAt, limit],
  );
  return rows.map(({ id }) => id);
}

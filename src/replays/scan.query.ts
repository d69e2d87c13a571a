import type { EntityManager } from 'typeorm';
import type { IdRange } from './replay.entity.js';
import type { IdBounds } from './replay-range.js';

/** Where items come from, and by which of its indexes they are walked in order of their ids. */
export type ScanSource = 'events' | 'deliveries' | 'dead_letters';
const OWNER_COLUMN = { events: 'tenant_id', deliveries: 'endpoint_id', dead_letters: 'tenant_id' } as const;

/**
 * The last row within the bounds that there is now: what comes later is outside a replay, whatever clock made its id.
 * @param ownerId of the tenant; for `deliveries` of the endpoint
 */
export async function findLastId(
  manager: EntityManager,
  source: ScanSource,
  ownerId: string,
  { fromId, throughId }: IdBounds,
): Promise<string | null> {
  const rows = await manager.query<{ id: string }[]>(
    `SELECT id FROM ${source}
     WHERE ${OWNER_COLUMN[source]} = $1 AND id > $2 AND ($3::uuid IS NULL OR id <= $3)
     ORDER BY id DESC LIMIT 1`,
    [ownerId, fromId, throughId],
  );
  return rows[0]?.id ?? null;
}

/**
 * The row at which a chunk stops looking: a statement that searched a million rows for its next item would run into its
 * timeout, again and again.
 * @returns null when fewer than `limit` rows are left
 */
export async function findScanEnd(
  manager: EntityManager,
  source: ScanSource,
  ownerId: string,
  { fromId, throughId }: IdRange,
  limit: number,
): Promise<string | null> {
  const rows = await manager.query<{ id: string }[]>(
    `SELECT id FROM ${source} WHERE ${OWNER_COLUMN[source]} = $1 AND id > $2 AND id <= $3
     ORDER BY id OFFSET $4 LIMIT 1`,
    [ownerId, fromId, throughId, limit - 1],
  );
  return rows[0]?.id ?? null;
}

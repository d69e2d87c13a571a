import type { DataSource } from 'typeorm';
import type { SealedColumn } from './sealed-columns.js';

/** A column's text in one row, as it was read. */
export interface SealedRow {
  id: string;
  sealed: string;
}

export interface ResealedRow extends SealedRow {
  resealed: string;
}

/** The next rows, by id, in which something is not sealed with the present key. */
export async function findStale(
  db: DataSource,
  { table, column, kind }: SealedColumn,
  prefix: string,
  afterId: string,
  limit: number,
): Promise<SealedRow[]> {
  const isStale =
    kind === 'text'
      ? `NOT starts_with(${column}, $1)`
      : `EXISTS (SELECT FROM jsonb_array_elements(${column}) AS old WHERE NOT starts_with(old ->> 'sealed', $1))`;
  return db.query<SealedRow[]>(
    `SELECT id, ${column}::text AS sealed FROM ${table} WHERE id > $2 AND ${isStale} ORDER BY id LIMIT $3`,
    [prefix, afterId, limit],
  );
}

/**
 * Puts the new texts where the old ones still are: what somebody has changed meanwhile is newer than ours.
 * @returns how many were
 */
export async function swapSealed(
  db: DataSource,
  { table, column, kind }: SealedColumn,
  rows: readonly ResealedRow[],
): Promise<number> {
  const type = kind === 'text' ? 'text' : 'jsonb';
  // Locked in the order of their ids first, so that two who do this at once wait for each other and never in a circle.
  const [, changed] = await db.query<[unknown[], number]>(
    `WITH locked AS MATERIALIZED (SELECT id FROM ${table} WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE)
     UPDATE ${table} t SET ${column} = swap.resealed::${type}
     FROM unnest($1::uuid[], $2::text[], $3::text[]) AS swap (id, sealed, resealed) JOIN locked USING (id)
     WHERE t.id = swap.id AND t.${column}::text = swap.sealed`,
    [rows.map(({ id }) => id), rows.map(({ sealed }) => sealed), rows.map(({ resealed }) => resealed)],
  );
  return changed;
}

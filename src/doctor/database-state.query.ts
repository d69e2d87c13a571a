import type { DataSource } from 'typeorm';
import { SEALED_COLUMNS } from '../reencryption/sealed-columns.js';

/** Seconds since the time of the delivery that is due and waits the longest; 0 without one. One look into the index of due times. */
export async function oldestDueSeconds(db: DataSource): Promise<number> {
  const rows = await db.query<{ seconds: number }[]>(
    `SELECT extract(epoch FROM now() - next_attempt_at)::float8 AS seconds FROM deliveries
     WHERE status = 'pending' AND next_attempt_at < now() AND leased_until IS NULL
     ORDER BY next_attempt_at LIMIT 1`,
  );
  return rows[0]?.seconds ?? 0;
}

/** By which keys things are sealed, and how many; sealed texts begin with a version and the key's id. */
export async function sealingKeys(db: DataSource): Promise<{ id: string; sealed: number }[]> {
  const parts = SEALED_COLUMNS.filter(({ kind }) => kind === 'text').map(
    ({ table, column }) => `SELECT ${column} AS sealed FROM ${table} WHERE ${column} IS NOT NULL`,
  );
  return db.query<{ id: string; sealed: number }[]>(
    `SELECT split_part(sealed, '.', 2) AS id, count(*)::int AS sealed FROM (${parts.join(' UNION ALL ')}) AS everything
     GROUP BY 1 ORDER BY 2 DESC`,
  );
}

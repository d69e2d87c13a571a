import type pg from 'pg';

/** Deliveries that are not settled. By place, as each has its partial index: five million settled rows cost nothing here. */
export async function countPending(db: pg.Client): Promise<number> {
  const { rows } = await db.query<{ pending: number }>(`
    SELECT (SELECT count(*) FROM deliveries
            WHERE status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL)::int
         + (SELECT count(*) FROM deliveries WHERE status = 'pending' AND leased_until IS NOT NULL)::int
         + (SELECT count(*) FROM deliveries WHERE status = 'pending' AND leased_until IS NULL
            AND next_attempt_at IS NULL AND held_by IS NOT NULL)::int AS pending`);
  return rows[0]?.pending ?? 0;
}

import type pg from 'pg';

/** What a statement has cost PostgreSQL under load, all its executions together. */
export interface StatementCost {
  calls: number;
  rows: number;
  /** In PostgreSQL, planning left out. */
  totalMs: number;
  walBytes: number;
  query: string;
}

export const STATEMENTS_SETTING = { shared_preload_libraries: 'pg_stat_statements' } as const;
const MOST_EXPENSIVE = 15;

/** Counts from here on. */
export async function beginStatements(db: pg.Client): Promise<void> {
  await db.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await db.query('SELECT pg_stat_statements_reset()');
}

/** The most expensive statements first. */
export async function readStatements(db: pg.Client): Promise<StatementCost[]> {
  const { rows } = await db.query<StatementCost>(
    `SELECT calls::int, rows::int, round(total_exec_time::numeric, 1)::float8 AS "totalMs", wal_bytes::float8 AS "walBytes",
       regexp_replace(query, '\\s+', ' ', 'g') AS query
     FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT $1`,
    [MOST_EXPENSIVE],
  );
  return rows;
}

import type { DataSource } from 'typeorm';
import { PARTITIONED_TABLES } from '../database/partitions.js';

/** Where a pending delivery stands; `held` with its reason. Held by `rate_limit` means a time, and counts as that. */
export const BACKLOG_PLACES = [
  { state: 'due', condition: `leased_until IS NULL AND next_attempt_at IS NOT NULL AND next_attempt_at <= now()` },
  { state: 'scheduled', condition: `leased_until IS NULL AND next_attempt_at IS NOT NULL AND next_attempt_at > now()` },
  { state: 'leased', condition: `leased_until IS NOT NULL` },
  { state: 'held', heldBy: 'circuit', condition: `held_by = 'circuit' AND held_by IS NOT NULL` },
  { state: 'held', heldBy: 'disabled', condition: `held_by = 'disabled' AND held_by IS NOT NULL` },
  { state: 'held', heldBy: 'suspended', condition: `held_by = 'suspended' AND held_by IS NOT NULL` },
  { state: 'held', heldBy: 'fairness', condition: `held_by = 'fairness' AND held_by IS NOT NULL` },
] as const satisfies readonly { state: string; heldBy?: string; condition: string }[];

/**
 * How far rows are counted. Each count reads one partial index, and a scrape must cost some milliseconds whatever waits:
 * beyond this the planner's estimate is good enough (`estimateRows`).
 */
export const MAX_COUNTED = 20_000;

export interface InstallationCounts {
  /** In the order of {@link BACKLOG_PLACES}. */
  backlog: number[];
  deadLetters: number;
  /** Of the delivery whose time came first and whose attempt is not recorded; 0 when there is none. */
  oldestDueSeconds: number;
  replaysRunning: number;
  circuits: Record<string, number>;
}

interface CountsRow {
  backlog: number[];
  dead_letters: number;
  oldest_due_seconds: number;
  replays_running: number;
  circuits: Record<string, number> | null;
}

const capped = (table: string, condition: string): string =>
  `(SELECT count(*)::int FROM (SELECT FROM ${table} WHERE ${condition} LIMIT ${MAX_COUNTED}) capped)`;

const ofPlace = (condition: string): string => `status = 'pending' AND ${condition}`;

/** What the whole installation holds: the same in each process that asks. */
export async function countInstallation(db: DataSource, leaseSeconds: number): Promise<InstallationCounts> {
  const backlog = BACKLOG_PLACES.map(({ condition }) => capped('deliveries', ofPlace(condition)));
  const rows = await db.query<CountsRow[]>(
    `SELECT ARRAY[${backlog.join(', ')}] AS backlog,
       ${capped('dead_letters', 'resolved_at IS NULL')} AS dead_letters,
       -- A leased one is due until its attempt is recorded: in the queue it may be waiting for a worker that isn't there.
       coalesce(greatest(extract(epoch FROM now() - least(
         (SELECT next_attempt_at FROM deliveries
          WHERE status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL
          ORDER BY next_attempt_at LIMIT 1),
         (SELECT min(coalesce(next_attempt_at, leased_until - make_interval(secs => $1))) FROM deliveries
          WHERE status = 'pending' AND leased_until IS NOT NULL))), 0), 0)::float8 AS oldest_due_seconds,
       (SELECT count(*)::int FROM replays WHERE status = 'running') AS replays_running,
       (SELECT json_object_agg(state, n) FROM (SELECT state, count(*)::int AS n FROM endpoint_circuits GROUP BY state) s)
         AS circuits`,
    [leaseSeconds],
  );
  const [row] = rows as [CountsRow];
  return {
    backlog: await Promise.all(
      row.backlog.map((count, place) => orEstimate(db, count, 'deliveries', BACKLOG_PLACES[place]?.condition ?? '')),
    ),
    deadLetters: await orEstimate(db, row.dead_letters, 'dead_letters', 'resolved_at IS NULL'),
    oldestDueSeconds: row.oldest_due_seconds,
    replaysRunning: row.replays_running,
    circuits: row.circuits ?? {},
  };
}

async function orEstimate(db: DataSource, counted: number, table: string, condition: string): Promise<number> {
  return counted < MAX_COUNTED ? counted : Math.max(counted, await estimateRows(db, table, condition));
}

/**
 * The planner's estimate, from the statistics of the last ANALYZE. Without `status = 'pending'`, which every one of these
 * conditions implies: the planner would take the two for independent, and estimate far too few.
 */
async function estimateRows(db: DataSource, table: string, condition: string): Promise<number> {
  const [row] = await db.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }[]>(
    `EXPLAIN (FORMAT JSON) SELECT FROM ${table} WHERE ${condition}`,
  );
  return row?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
}

export interface TableSize {
  name: string;
  partitions: number;
  /** The planner's estimate. */
  rows: number;
  /** Days after today (UTC) that have a partition; negative when not even today has one. */
  days_ahead: number | null;
}

/** Partitioned tables by the catalogue alone; no row is read. */
export function readTableSizes(db: DataSource): Promise<TableSize[]> {
  return db.query<TableSize[]>(
    `SELECT i.inhparent::regclass::text AS name, count(*)::int AS partitions,
       sum(greatest(c.reltuples, 0))::float8 AS rows,
       max(to_date(substring(c.relname from '_(\\d{8})$'), 'YYYYMMDD')) - (now() AT TIME ZONE 'UTC')::date AS days_ahead
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = ANY($1::regclass[])
     GROUP BY i.inhparent`,
    [PARTITIONED_TABLES],
  );
}

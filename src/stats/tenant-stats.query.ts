import type { DataSource } from 'typeorm';
import type { WindowSpan } from './stats-window.js';

export interface StatsStepRow {
  /** The beginning of the step. */
  at: Date;
  events: number;
  deliveries: number;
  succeeded: number;
  dead_letter: number;
  cancelled: number;
  attempts_succeeded: number;
  attempts_failed: number;
}

/** A tenant's sums by step, in order; steps in which nothing happened are left out. */
export function loadStatsSteps(
  db: DataSource,
  tenantId: string,
  { sinceMs, stepMs }: WindowSpan,
): Promise<StatsStepRow[]> {
  return db.query<StatsStepRow[]>(
    `SELECT date_bin(make_interval(secs => $3), minute, 'epoch'::timestamptz) AS at,
       sum(events)::int AS events, sum(deliveries)::int AS deliveries, sum(succeeded)::int AS succeeded,
       sum(dead_letter)::int AS dead_letter, sum(cancelled)::int AS cancelled,
       sum(attempts_succeeded)::int AS attempts_succeeded, sum(attempts_failed)::int AS attempts_failed
     FROM tenant_minutes
     WHERE tenant_id = $1 AND minute >= $2
     GROUP BY at ORDER BY at`,
    [tenantId, new Date(sinceMs), stepMs / 1_000],
  );
}

/** A tenant's attempts by latency bucket since then; empty when there were none. */
export async function loadLatencyCounts(db: DataSource, tenantId: string, sinceMs: number): Promise<number[]> {
  const rows = await db.query<{ count: number }[]>(
    `SELECT sum(bucket.count)::int AS count
     FROM tenant_minutes, unnest(latency_counts) WITH ORDINALITY AS bucket (count, no)
     WHERE tenant_id = $1 AND minute >= $2
     GROUP BY bucket.no ORDER BY bucket.no`,
    [tenantId, new Date(sinceMs)],
  );
  return rows.map(({ count }) => count);
}

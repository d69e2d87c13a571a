import type { EntityManager } from 'typeorm';
import { sumsByBucket } from './latency-buckets.js';
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
  /** Attempts by latency bucket. */
  latency_counts: number[];
}

/** A tenant's sums by step, in order; steps in which nothing happened are left out. */
export function loadStatsSteps(
  manager: EntityManager,
  tenantId: string,
  { sinceMs, stepMs }: WindowSpan,
): Promise<StatsStepRow[]> {
  return manager.query<StatsStepRow[]>(
    `SELECT date_bin(make_interval(secs => $3), minute, 'epoch'::timestamptz) AS at,
       sum(events)::int AS events, sum(deliveries)::int AS deliveries, sum(succeeded)::int AS succeeded,
       sum(dead_letter)::int AS dead_letter, sum(cancelled)::int AS cancelled,
       sum(attempts_succeeded)::int AS attempts_succeeded, sum(attempts_failed)::int AS attempts_failed,
       ${sumsByBucket('latency_counts')} AS latency_counts
     FROM tenant_minutes
     WHERE tenant_id = $1 AND minute >= $2
     GROUP BY at ORDER BY at`,
    [tenantId, new Date(sinceMs), stepMs / 1_000],
  );
}

import type { DataSource, EntityManager } from 'typeorm';
import type { EndpointAdditions, TenantAdditions } from './rollup-buffer.js';

/** PostgreSQL's clock, in ms since the epoch. */
export async function readDatabaseClock(db: DataSource | EntityManager): Promise<number> {
  const rows = await db.query<{ now_ms: number }[]>(
    `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms`,
  );
  return (rows[0] as { now_ms: number }).now_ms;
}

/** Bucket by bucket; the longer of two arrays keeps its end. */
const summed = (held: string): string => `ARRAY(
  SELECT coalesce(a.count, 0) + coalesce(b.count, 0)
  FROM unnest(${held}.latency_counts) WITH ORDINALITY AS a (count, bucket)
  FULL JOIN unnest(excluded.latency_counts) WITH ORDINALITY AS b (count, bucket) USING (bucket)
  ORDER BY bucket)`;

/**
 * Adds to endpoints' minutes. Sorted, because other processes add to the same rows at the same time and would deadlock.
 * What was counted for an endpoint that has been deleted meanwhile is left out.
 */
export async function addToAttemptMinutes(db: DataSource, additions: readonly EndpointAdditions[]): Promise<void> {
  await db.query(
    `INSERT INTO attempt_minutes AS held
       (tenant_id, endpoint_id, minute, succeeded, failed, latency_counts, last_success_at, last_failure_at)
     SELECT e.tenant_id, added.endpoint_id, added.minute, added.succeeded, added.failed, added.latency_counts::int[],
       added.last_success_at, added.last_failure_at
     FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::int[], $5::text[], $6::timestamptz[], $7::timestamptz[])
       AS added (endpoint_id, minute, succeeded, failed, latency_counts, last_success_at, last_failure_at)
     JOIN endpoints e ON e.id = added.endpoint_id
     ORDER BY added.endpoint_id, added.minute
     ON CONFLICT (endpoint_id, minute) DO UPDATE SET
       succeeded = held.succeeded + excluded.succeeded,
       failed = held.failed + excluded.failed,
       latency_counts = ${summed('held')},
       last_success_at = greatest(held.last_success_at, excluded.last_success_at),
       last_failure_at = greatest(held.last_failure_at, excluded.last_failure_at)`,
    [
      additions.map((one) => one.endpointId),
      additions.map((one) => new Date(one.minuteMs)),
      additions.map((one) => one.succeeded),
      additions.map((one) => one.failed),
      additions.map((one) => arrayText(one.latencyCounts)),
      additions.map((one) => dateOf(one.lastSuccessMs)),
      additions.map((one) => dateOf(one.lastFailureMs)),
    ],
  );
}

/** The same for tenants' minutes. */
export async function addToTenantMinutes(db: DataSource, additions: readonly TenantAdditions[]): Promise<void> {
  await db.query(
    `INSERT INTO tenant_minutes AS held
       (tenant_id, minute, events, deliveries, succeeded, dead_letter, cancelled, attempts_succeeded, attempts_failed,
        latency_counts)
     SELECT added.tenant_id, minute, events, deliveries, succeeded, dead_letter, cancelled, attempts_succeeded,
       attempts_failed, latency_counts::int[]
     FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[],
         $10::text[])
       AS added (tenant_id, minute, events, deliveries, succeeded, dead_letter, cancelled, attempts_succeeded,
         attempts_failed, latency_counts)
     JOIN tenants t ON t.id = added.tenant_id
     ORDER BY added.tenant_id, minute
     ON CONFLICT (tenant_id, minute) DO UPDATE SET
       events = held.events + excluded.events,
       deliveries = held.deliveries + excluded.deliveries,
       succeeded = held.succeeded + excluded.succeeded,
       dead_letter = held.dead_letter + excluded.dead_letter,
       cancelled = held.cancelled + excluded.cancelled,
       attempts_succeeded = held.attempts_succeeded + excluded.attempts_succeeded,
       attempts_failed = held.attempts_failed + excluded.attempts_failed,
       latency_counts = ${summed('held')}`,
    [
      additions.map((one) => one.tenantId),
      additions.map((one) => new Date(one.minuteMs)),
      additions.map((one) => one.events),
      additions.map((one) => one.deliveries),
      additions.map((one) => one.settled.succeeded),
      additions.map((one) => one.settled.dead_letter),
      additions.map((one) => one.settled.cancelled),
      additions.map((one) => one.attemptsSucceeded),
      additions.map((one) => one.attemptsFailed),
      additions.map((one) => arrayText(one.latencyCounts)),
    ],
  );
}

/** As text, because unnest() would flatten an array of arrays. */
const arrayText = (counts: readonly number[]): string => `{${counts.join()}}`;

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

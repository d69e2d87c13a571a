import type pg from 'pg';
import { LATENCY_BUCKETS } from '../../src/stats/latency-buckets.js';
import { ENDPOINTS_OF_TENANT, type Population } from './aged-population.js';

/** Each tenant has turned off endpoints that it had: their rows are kept, and new events don't go there. */
export async function addPastEndpoints(db: pg.Client, endpointIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ ids: string[] }>(
    `WITH copied AS (
       INSERT INTO endpoints (id, tenant_id, url, is_active, disabled_reason, secret_sealed)
       SELECT uuidv7(), e.tenant_id, e.url || '/' || n, false, 'disabled', e.secret_sealed
       FROM endpoints e CROSS JOIN generate_series(2, $2::int) AS n WHERE e.id = ANY($1::uuid[])
       RETURNING id, tenant_id
     )
     SELECT e.id || array_agg(c.id) AS ids FROM endpoints e JOIN copied c ON c.tenant_id = e.tenant_id
     WHERE e.id = ANY($1::uuid[]) GROUP BY e.id ORDER BY array_position($1::uuid[], e.id)`,
    [endpointIds, ENDPOINTS_OF_TENANT],
  );
  return rows.flatMap(({ ids }) => ids);
}

/** The counts by the minute of those days, which statistics are read from. */
export async function insertAgedMinutes(
  db: pg.Client,
  { tenantIds, endpointIds }: Population,
  { firstDay, days, perMinute }: { firstDay: Date; days: number; perMinute: number },
): Promise<void> {
  const minutes = `generate_series($2::timestamptz, $2::timestamptz + make_interval(days => $3::int) - interval '1 minute',
    interval '1 minute') AS minute`;
  // From three milliseconds on over a few buckets, as attempts are.
  const counts = `array_fill(0, ARRAY[2]) || ARRAY[$4::int / 2, $4::int / 4, $4::int / 8, $4::int / 16, 1]
    || array_fill(0, ARRAY[${LATENCY_BUCKETS - 7}])`;
  await db.query(
    `INSERT INTO tenant_minutes (tenant_id, minute, events, deliveries, succeeded, dead_letter, cancelled, attempts_succeeded,
       attempts_failed, latency_counts)
     SELECT tenant_id, minute, $4, $4, $4, 0, 0, $4, 0, ${counts}
     FROM ${minutes} CROSS JOIN unnest($1::uuid[]) AS tenant_id`,
    [tenantIds, firstDay, days, perMinute],
  );
  await db.query(
    `INSERT INTO attempt_minutes (tenant_id, endpoint_id, minute, succeeded, failed, latency_counts, last_success_at)
     SELECT e.tenant_id, e.id, minute, $4, 0, ${counts}, minute
     FROM ${minutes} CROSS JOIN endpoints e WHERE e.id = ANY($1::uuid[]) AND e.is_active`,
    [endpointIds, firstDay, days, perMinute],
  );
}

/** What people and programs did meanwhile, and a replay now and then. */
export async function insertAgedActions(
  db: pg.Client,
  { tenantIds, endpointIds }: Population,
  { firstDay, days, count }: { firstDay: Date; days: number; count: number },
): Promise<void> {
  const moments = `generate_series(0, $1::int - 1) AS place
    CROSS JOIN LATERAL (SELECT $2::timestamptz + make_interval(days => $3::int) * (place::double precision / $1) AS moment) spread
    CROSS JOIN LATERAL (SELECT 1 + place % cardinality($4::uuid[]) AS n) owner`;
  await db.query(
    `INSERT INTO audit_log (id, at, actor_kind, actor_id, tenant_id, action, subject_kind, subject_id, request_id, ip, user_agent)
     SELECT uuidv7(moment - clock_timestamp()), moment, 'api_key', ($4::uuid[])[n], ($4::uuid[])[n],
       CASE WHEN place % 5000 = 3 THEN 'endpoint.updated' WHEN place % 3 = 0 THEN 'delivery.retried' ELSE 'dead_letter.resolved' END,
       CASE WHEN place % 5000 = 3 THEN 'endpoint' WHEN place % 3 = 0 THEN 'delivery' ELSE 'dead_letter' END,
       ($5::uuid[])[1 + (n - 1) * ${ENDPOINTS_OF_TENANT}], 'req-' || place, '203.0.113.9', 'curl/8.5.0'
     FROM ${moments}`,
    [count, firstDay, days, tenantIds, endpointIds],
  );
  await db.query(
    `INSERT INTO replays (id, tenant_id, kind, endpoint_id, filter, status, total, done, created_at, updated_at, finished_at)
     SELECT uuidv7(moment - clock_timestamp()), ($4::uuid[])[n], 'endpoint', ($5::uuid[])[1 + (n - 1) * ${ENDPOINTS_OF_TENANT}],
       '{}', 'completed', 100, 100, moment, moment, moment
     FROM ${moments} WHERE place % 100 = 0`,
    [count, firstDay, days, tenantIds, endpointIds],
  );
}

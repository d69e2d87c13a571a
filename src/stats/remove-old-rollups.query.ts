import type { DataSource } from 'typeorm';

const BATCH = 5_000;

/**
 * Removes roll-ups older than so many days, and those of endpoints that are no more; a tenant's own go with the tenant.
 * It goes from endpoint to endpoint (a loose index scan by recursion), so that the table needs no index by time alone.
 * @returns how many went; call again until that is 0
 */
export async function removeOldRollups(db: DataSource, days: number): Promise<number> {
  const rows = await db.query<{ n: number }[]>(
    `WITH RECURSIVE endpoint AS (
       (SELECT endpoint_id AS id FROM attempt_minutes ORDER BY endpoint_id LIMIT 1)
       UNION ALL
       SELECT (SELECT m.endpoint_id FROM attempt_minutes m WHERE m.endpoint_id > endpoint.id ORDER BY m.endpoint_id LIMIT 1)
       FROM endpoint WHERE endpoint.id IS NOT NULL
     ), old_of_endpoint AS (
       SELECT old.endpoint_id, old.minute
       FROM endpoint CROSS JOIN LATERAL (
         SELECT m.endpoint_id, m.minute FROM attempt_minutes m
         WHERE m.endpoint_id = endpoint.id AND m.minute <
           CASE WHEN EXISTS (SELECT FROM endpoints e WHERE e.id = endpoint.id) THEN now() - make_interval(days => $1)
           ELSE 'infinity' END
         LIMIT ${BATCH}
       ) old
       LIMIT ${BATCH}
     ), old_of_tenant AS (
       SELECT old.tenant_id, old.minute
       FROM tenants t CROSS JOIN LATERAL (
         SELECT m.tenant_id, m.minute FROM tenant_minutes m
         WHERE m.tenant_id = t.id AND m.minute < now() - make_interval(days => $1)
         LIMIT ${BATCH}
       ) old
       LIMIT ${BATCH}
     ), attempt_minute AS (
       DELETE FROM attempt_minutes m USING old_of_endpoint old
       WHERE m.endpoint_id = old.endpoint_id AND m.minute = old.minute RETURNING 1
     ), tenant_minute AS (
       DELETE FROM tenant_minutes m USING old_of_tenant old
       WHERE m.tenant_id = old.tenant_id AND m.minute = old.minute RETURNING 1
     )
     SELECT (SELECT count(*) FROM attempt_minute)::int + (SELECT count(*) FROM tenant_minute)::int AS n`,
    [days],
  );
  return rows[0]?.n ?? 0;
}

import type { DataSource } from 'typeorm';

const BATCH_ROWS = 5_000;
const SETTLE_AFTER = '5 minutes';

/**
 * Deletes up to a batch of a tenant's rows of each kind. Attempts go with their deliveries, as only these are found by tenant.
 * `= ANY(ARRAY(…))` makes look-ups by id out of what would else be a join that reads whole partitions.
 * @returns how many events, deliveries and idempotency keys went; 0 when none is left but those that another run has locked
 */
export async function removeBatch(db: DataSource, tenantId: string): Promise<number> {
  const rows = await db.query<{ n: number }[]>(
    `WITH doomed_delivery AS (
       SELECT id FROM deliveries WHERE tenant_id = $1 ORDER BY id LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED
     ), doomed_event AS (
       SELECT id FROM events WHERE tenant_id = $1 ORDER BY id LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED
     ), doomed_key AS (
       SELECT kind, key FROM idempotency_keys WHERE tenant_id = $1 LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED
     ), attempt AS (
       DELETE FROM delivery_attempts
       WHERE delivery_id = ANY(ARRAY(SELECT id FROM doomed_delivery))
         AND id >= (SELECT id FROM doomed_delivery ORDER BY id LIMIT 1)
     ), delivery AS (
       DELETE FROM deliveries WHERE id = ANY(ARRAY(SELECT id FROM doomed_delivery)) RETURNING 1
     ), event AS (
       DELETE FROM events WHERE id = ANY(ARRAY(SELECT id FROM doomed_event)) RETURNING 1
     ), idempotency_key AS (
       DELETE FROM idempotency_keys k USING doomed_key d
       WHERE k.tenant_id = $1 AND k.kind = d.kind AND k.key = d.key RETURNING 1
     )
     SELECT (SELECT count(*) FROM delivery)::int + (SELECT count(*) FROM event)::int
       + (SELECT count(*) FROM idempotency_key)::int AS n`,
    [tenantId],
  );
  return rows[0]?.n ?? 0;
}

/** Takes a removal off the list once nothing is left of the tenant and nothing can come any more. */
export async function settleRemoval(db: DataSource, tenantId: string): Promise<void> {
  await db.query(
    `DELETE FROM tenant_removals
     WHERE tenant_id = $1 AND requested_at < now() - interval '${SETTLE_AFTER}'
       AND NOT EXISTS (SELECT FROM events WHERE tenant_id = $1)
       AND NOT EXISTS (SELECT FROM deliveries WHERE tenant_id = $1)
       AND NOT EXISTS (SELECT FROM idempotency_keys WHERE tenant_id = $1)`,
    [tenantId],
  );
}

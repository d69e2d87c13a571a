import type { DataSource } from 'typeorm';
import type { PartitionedTable } from '../database/partitions.js';

const BATCH = 5_000;

/** Keys that are out of their idempotency window. @returns how many went; call again until that is 0 */
export async function removeExpiredKeys(db: DataSource): Promise<number> {
  const [, count] = await db.query<[unknown, number]>(
    `DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM idempotency_keys WHERE expires_at <= now() LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`,
  );
  return count;
}

/** Tenants that keep their data for less time than the installation does. */
export function findShortRetentions(db: DataSource, days: number): Promise<{ id: string; retention_days: number }[]> {
  return db.query<{ id: string; retention_days: number }[]>(
    `SELECT id, retention_days FROM tenants WHERE retention_days < $1`,
    [days],
  );
}

/**
 * Removes a tenant's rows made before an id's time. Pending deliveries stay, and so do their events.
 * @returns how many went; call again until that is 0
 */
export async function removeTenantRowsBefore(
  db: DataSource,
  table: PartitionedTable,
  tenantId: string,
  beforeId: string,
): Promise<number> {
  const unlessPending: Record<PartitionedTable, string> = {
    delivery_attempts: `AND NOT EXISTS (SELECT FROM deliveries d WHERE d.id = old.delivery_id AND d.status = 'pending')`,
    deliveries: `AND old.status <> 'pending'`,
    events: `AND NOT EXISTS (SELECT FROM deliveries d WHERE d.event_id = old.id AND d.status = 'pending')`,
  };
  const [, count] = await db.query<[unknown, number]>(
    `DELETE FROM ${table} WHERE id < $2 AND id = ANY (ARRAY(
       SELECT old.id FROM ${table} old WHERE old.tenant_id = $1 AND old.id < $2 ${unlessPending[table]} LIMIT ${BATCH}))`,
    [tenantId, beforeId],
  );
  return count;
}

/** Replays and changes of circuits that are over for longer than anything they tell of is kept. */
export async function removeOldRecords(db: DataSource, days: number): Promise<void> {
  await db.query(`DELETE FROM replays WHERE finished_at < now() - make_interval(days => $1)`, [days]);
  await db.query(`DELETE FROM circuit_transitions WHERE created_at < now() - make_interval(days => $1)`, [days]);
}

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

/** Their payloads may be large. */
const LETTERS_BATCH = 500;

/** What is pending between an event and an endpoint takes the payload from their letter when the event is gone. */
const NO_RETRY_PENDING = `NOT EXISTS (
  SELECT FROM deliveries d WHERE d.event_id = letter.event_id AND d.id >= letter.event_id
    AND d.endpoint_id = letter.endpoint_id AND d.status = 'pending')`;

/**
 * Dead letters made before an id's time, but for those that are being retried.
 * @returns how many went; call again until that is 0
 */
export function removeOldDeadLetters(db: DataSource, beforeId: string): Promise<number> {
  return db.transaction(async (manager) => {
    // A retry locks its letter before it makes the delivery. Locked here first, and looked at by a later statement: one that
    // came in between is seen.
    const letters = await manager.query<{ id: string }[]>(
      `SELECT letter.id FROM dead_letters letter WHERE letter.id < $1 AND ${NO_RETRY_PENDING}
       ORDER BY letter.id LIMIT ${LETTERS_BATCH} FOR UPDATE OF letter SKIP LOCKED`,
      [beforeId],
    );
    const [, count] = await manager.query<[unknown, number]>(
      `DELETE FROM dead_letters letter WHERE letter.id = ANY ($1) AND ${NO_RETRY_PENDING}`,
      [letters.map(({ id }) => id)],
    );
    return count;
  });
}

/** What tells of sessions whose tokens have ended by themselves; an hour on, as no two clocks are the same. */
export async function removeEndedSessions(db: DataSource): Promise<void> {
  await db.query(`DELETE FROM ended_sessions WHERE expires_at < now() - interval '1 hour'`);
}

/** Replays and changes of circuits that are over for longer than anything they tell of is kept. */
export async function removeOldRecords(db: DataSource, days: number): Promise<void> {
  await db.query(`DELETE FROM replays WHERE finished_at < now() - make_interval(days => $1)`, [days]);
  await db.query(`DELETE FROM circuit_transitions WHERE created_at < now() - make_interval(days => $1)`, [days]);
}

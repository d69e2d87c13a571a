import type { EntityManager } from 'typeorm';
import type { RetryPolicy } from '../deliveries/retry-policy.js';

/** A dead letter that may be retried now, locked. */
export interface RetriableLetter {
  id: string;
  event_id: string;
  event_type: string;
  endpoint_id: string;
  endpoint_retry_policy: RetryPolicy | null;
  tenant_retry_policy: RetryPolicy | null;
}

/**
 * Of these dead letters those that a single retry would accept, too: unresolved, with an active endpoint and no retry under
 * way. They stay locked until the end of the transaction, so that no retry of them begins meanwhile.
 *
 * SKIP LOCKED: who has one locked is retrying it, resolving it, or writing how its retry went. Waiting for them would make
 * deadlocks, as a worker writes many letters at a time.
 * @returns in order of their ids
 */
export async function lockRetriableLetters(
  manager: EntityManager,
  tenantId: string,
  ids: readonly string[],
): Promise<RetriableLetter[]> {
  const locked = await manager.query<{ id: string }[]>(
    `SELECT id FROM dead_letters WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND resolved_at IS NULL
     ORDER BY id FOR UPDATE SKIP LOCKED`,
    [tenantId, ids],
  );
  // A statement of its own: only one that begins after the locks are held sees the deliveries of a retry that just committed.
  return manager.query<RetriableLetter[]>(
    `SELECT l.id, l.event_id, l.event_type, l.endpoint_id, e.retry_policy AS endpoint_retry_policy,
       t.retry_policy AS tenant_retry_policy
     FROM dead_letters l
     JOIN tenants t ON t.id = l.tenant_id
     JOIN endpoints e ON e.id = l.endpoint_id AND e.tenant_id = l.tenant_id AND e.is_active
     WHERE l.id = ANY($1::uuid[]) AND NOT EXISTS (
       SELECT FROM deliveries d
       WHERE d.event_id = l.event_id AND d.id >= l.event_id AND d.endpoint_id = l.endpoint_id AND d.status = 'pending')
     ORDER BY l.id`,
    [locked.map(({ id }) => id)],
  );
}

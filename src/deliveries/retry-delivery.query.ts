import type { EntityManager } from 'typeorm';
import type { TenantStatus } from '../tenants/tenant.entity.js';
import type { DeliveryStatus } from './delivery.entity.js';

/** What a manual retry depends on. */
export interface RetryConditions {
  status: DeliveryStatus;
  tenant_status: TenantStatus;
  /** Null: the endpoint was deleted. */
  endpoint_is_active: boolean | null;
  /** Whether there is still something to send: the event, or a dead letter that kept its payload. */
  has_payload: boolean;
}

export async function loadRetryConditions(
  manager: EntityManager,
  tenantId: string,
  id: string,
): Promise<RetryConditions | null> {
  const rows = await manager.query<RetryConditions[]>(
    `SELECT d.status, t.status AS tenant_status, e.is_active AS endpoint_is_active,
       EXISTS (SELECT FROM events v WHERE v.id = d.event_id)
         OR EXISTS (SELECT FROM dead_letters l WHERE l.event_id = d.event_id) AS has_payload
     FROM deliveries d
     JOIN tenants t ON t.id = d.tenant_id
     LEFT JOIN endpoints e ON e.id = d.endpoint_id
     WHERE d.tenant_id = $1 AND d.id = $2`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

/**
 * Makes a delivery due now. One that is in the queue or under way stays as it is: its attempt is already coming. A settled
 * one keeps its status in `settled_status` and its `completed_at`, which the worker restores should the attempt fail.
 * @returns false when it was cancelled meanwhile
 */
export async function makeDueNow(manager: EntityManager, tenantId: string, id: string): Promise<boolean> {
  // Where the circuit is open, the attempt that was asked for is its probe.
  const rows = await manager.query<unknown[]>(
    `WITH due AS (
       UPDATE deliveries SET
         status = 'pending',
         settled_status = CASE WHEN status = 'pending' THEN settled_status ELSE status END,
         held_by = NULL,
         leased_until = CASE WHEN status = 'pending' THEN leased_until END,
         next_attempt_at = CASE WHEN status = 'pending' AND leased_until IS NOT NULL THEN next_attempt_at ELSE now() END
       WHERE tenant_id = $1 AND id = $2 AND status <> 'cancelled'
       RETURNING endpoint_id
     ), probe AS (
       UPDATE endpoint_circuits c SET next_probe_at = now() FROM due
       WHERE c.endpoint_id = due.endpoint_id AND c.state = 'open' AND c.next_probe_at > now()
     )
     SELECT endpoint_id FROM due`,
    [tenantId, id],
  );
  return rows.length > 0;
}

import type { EntityManager } from 'typeorm';
import type { RetryPolicy } from '../deliveries/retry-policy.js';
import type { TenantStatus } from '../tenants/tenant.entity.js';
import type { DeadLetter } from './dead-letter.entity.js';

/** What a retry of a dead letter depends on. */
export interface LetterRetryConditions {
  tenant_status: TenantStatus;
  tenant_retry_policy: RetryPolicy | null;
  /** Null: the endpoint was deleted. */
  endpoint_is_active: boolean | null;
  endpoint_retry_policy: RetryPolicy | null;
  /** Whether any delivery of its event to its endpoint is pending: a fresh one, or one that settled and is retried by hand. */
  is_retry_pending: boolean;
}

/** @param letter locked, so that two retries at once don't both find no other */
export async function loadLetterRetryConditions(
  manager: EntityManager,
  letter: DeadLetter,
): Promise<LetterRetryConditions | null> {
  const rows = await manager.query<LetterRetryConditions[]>(
    `SELECT t.status AS tenant_status, t.retry_policy AS tenant_retry_policy,
       e.is_active AS endpoint_is_active, e.retry_policy AS endpoint_retry_policy,
       EXISTS (
         SELECT FROM deliveries d
         WHERE d.event_id = $3 AND d.id >= $3 AND d.endpoint_id = $2 AND d.status = 'pending'
       ) AS is_retry_pending
     FROM tenants t LEFT JOIN endpoints e ON e.id = $2 AND e.tenant_id = t.id
     WHERE t.id = $1`,
    [letter.tenantId, letter.endpointId, letter.eventId],
  );
  return rows[0] ?? null;
}

import type { EntityManager } from 'typeorm';
import type { RetryPolicy } from '../deliveries/retry-policy.js';

export interface ReplayTarget {
  id: string;
  event_types: string[];
  is_active: boolean;
  retry_policy: RetryPolicy | null;
  tenant_retry_policy: RetryPolicy | null;
}

/** @param ids null: all endpoints of the tenant */
export function findReplayTargets(
  manager: EntityManager,
  tenantId: string,
  ids: readonly string[] | null,
): Promise<ReplayTarget[]> {
  return manager.query<ReplayTarget[]>(
    `SELECT e.id, e.event_types, e.is_active, e.retry_policy, t.retry_policy AS tenant_retry_policy
     FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
     WHERE e.tenant_id = $1 AND ($2::uuid[] IS NULL OR e.id = ANY($2::uuid[]))
     ORDER BY e.id`,
    [tenantId, ids],
  );
}

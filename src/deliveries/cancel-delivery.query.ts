import type { EntityManager } from 'typeorm';

/**
 * Cancels a pending delivery; a settled one with a manual attempt ahead gets its status back. `lease_no` goes up, so that
 * the outcome of an attempt under way is void.
 * @returns false when it isn't pending
 */
export async function cancelDelivery(manager: EntityManager, tenantId: string, id: string): Promise<boolean> {
  const [, count] = await manager.query<[unknown, number]>(
    `UPDATE deliveries SET
       status = coalesce(settled_status, 'cancelled'),
       settled_status = NULL,
       held_by = NULL,
       leased_until = NULL,
       lease_no = lease_no + 1,
       next_attempt_at = NULL,
       completed_at = coalesce(completed_at, now())
     WHERE tenant_id = $1 AND id = $2 AND status = 'pending'`,
    [tenantId, id],
  );
  return count > 0;
}

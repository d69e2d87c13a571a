import type { EntityManager } from 'typeorm';

/**
 * Makes the deliveries due again that wait because a person had disabled their endpoint.
 * @param manager of the transaction that enables the endpoint: a crash in between must not leave them held for ever.
 */
export async function releaseDisabled(manager: EntityManager, endpointId: string): Promise<void> {
  await allowLongStatements(manager);
  await manager.query(
    `UPDATE deliveries SET held_by = NULL, next_attempt_at = now()
     WHERE endpoint_id = $1 AND status = 'pending' AND held_by = 'disabled' AND leased_until IS NULL`,
    [endpointId],
  );
}

/**
 * Makes the deliveries due again that wait because their tenant was suspended. Found through the tenant's endpoints, as the
 * index on held deliveries begins with these; a deleted endpoint has none left.
 * @param manager of the transaction that resumes the tenant
 */
export async function releaseSuspended(manager: EntityManager, tenantId: string): Promise<void> {
  await allowLongStatements(manager);
  await manager.query(
    `UPDATE deliveries SET held_by = NULL, next_attempt_at = now()
     WHERE endpoint_id IN (SELECT id FROM endpoints WHERE tenant_id = $1)
       AND status = 'pending' AND held_by = 'suspended' AND leased_until IS NULL`,
    [tenantId],
  );
}

/** A backlog of a million takes longer than a request's usual limit, and half of it released would be no better than none. */
export async function allowLongStatements(manager: EntityManager): Promise<void> {
  await manager.query(`SET LOCAL statement_timeout = '5min'`);
}

import type { DataSource } from 'typeorm';
import { releaseDisabled, releaseSuspended } from '../deliveries/release-held.query.js';

/**
 * Makes deliveries due that are held for a reason which is gone. Enabling an endpoint or resuming a tenant releases what it
 * finds held; a delivery that a worker or a publish was just about to hold slips through, and would wait for ever.
 */
export async function releaseStaleHolds(db: DataSource): Promise<void> {
  for (const { id } of await findActiveEndpointsWithHeld(db)) {
    await db.transaction((manager) => releaseDisabled(manager, id));
  }
  for (const { id } of await findActiveTenantsWithHeld(db)) {
    await db.transaction((manager) => releaseSuspended(manager, id));
  }
}

/** One index look-up an endpoint, rather than a read of all that is held, which may be a million. */
function findActiveEndpointsWithHeld(db: DataSource): Promise<{ id: string }[]> {
  return db.query<{ id: string }[]>(
    `SELECT e.id FROM endpoints e WHERE e.is_active AND EXISTS (
       SELECT FROM deliveries d WHERE d.endpoint_id = e.id AND d.status = 'pending' AND d.held_by = 'disabled')`,
  );
}

function findActiveTenantsWithHeld(db: DataSource): Promise<{ id: string }[]> {
  return db.query<{ id: string }[]>(
    `SELECT DISTINCT t.id FROM tenants t JOIN endpoints e ON e.tenant_id = t.id
     WHERE t.status = 'active' AND EXISTS (
       SELECT FROM deliveries d WHERE d.endpoint_id = e.id AND d.status = 'pending' AND d.held_by = 'suspended')`,
  );
}

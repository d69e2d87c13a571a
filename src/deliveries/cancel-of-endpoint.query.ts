import type { EntityManager } from 'typeorm';
import { allowLongStatements } from './release-held.query.js';

/**
 * Cancels what waits for an endpoint that is being deleted. What is in the queue or under way is left to the worker, which
 * finds no endpoint. A settled delivery with a manual attempt ahead gets its status back.
 *
 * Two statements, for the two partial indexes: those held back, and those waiting for their time.
 */
export async function cancelOfEndpoint(manager: EntityManager, endpointId: string): Promise<void> {
  await allowLongStatements(manager);
  for (const waiting of ['held_by IS NOT NULL', 'next_attempt_at IS NOT NULL']) {
    await manager.query(
      `UPDATE deliveries SET
         status = coalesce(settled_status, 'cancelled'),
         settled_status = NULL,
         held_by = NULL,
         next_attempt_at = NULL,
         completed_at = coalesce(completed_at, now()),
         last_error = CASE WHEN settled_status IS NULL THEN 'endpoint_deleted' ELSE last_error END
       WHERE endpoint_id = $1 AND status = 'pending' AND leased_until IS NULL AND ${waiting}`,
      [endpointId],
    );
  }
}

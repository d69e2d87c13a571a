import type { EntityManager } from 'typeorm';
import { allowLongStatements } from './release-held.query.js';

/**
 * Cancels what waits for an endpoint that is being deleted. What is in the queue or under way is left to the worker, which
 * finds no endpoint. A settled delivery with a manual attempt ahead gets its status back.
 *
 * Two statements, for the two partial indexes: those held back, and those waiting for their time.
 * @returns how many it cancelled
 */
export async function cancelOfEndpoint(manager: EntityManager, endpointId: string): Promise<number> {
  await allowLongStatements(manager);
  let cancelled = 0;
  for (const waiting of ['held_by IS NOT NULL', 'next_attempt_at IS NOT NULL']) {
    const rows = await manager.query<{ n: number }[]>(
      `WITH settled AS (
         UPDATE deliveries SET
           status = coalesce(settled_status, 'cancelled'),
           settled_status = NULL,
           held_by = NULL,
           next_attempt_at = NULL,
           completed_at = coalesce(completed_at, now()),
           last_error = CASE WHEN settled_status IS NULL THEN 'endpoint_deleted' ELSE last_error END
         WHERE endpoint_id = $1 AND status = 'pending' AND leased_until IS NULL AND ${waiting}
         RETURNING status
       )
       SELECT count(*)::int AS n FROM settled WHERE status = 'cancelled'`,
      [endpointId],
    );
    cancelled += rows[0]?.n ?? 0;
  }
  return cancelled;
}

import type { EntityManager } from 'typeorm';
import { newIdAfter } from '../common/ids.js';
import type { Report } from './record.query.js';

/**
 * Keeps the payload and all that a retry needs. A delivery that itself retried a dead letter adds to that letter instead of
 * making another one of the same event.
 */
export async function writeDeadLetters(manager: EntityManager, reports: Report[]): Promise<void> {
  const dead = reports.flatMap(({ delivery, outcome }) =>
    outcome.kind === 'dead_letter' ? [{ delivery, reason: outcome.reason }] : [],
  );
  const again = dead.filter(({ delivery }) => delivery.dead_letter_id !== null);
  if (again.length > 0) {
    await manager.query(
      `UPDATE dead_letters l SET
         delivery_id = d.id, reason = again.reason, attempts = l.attempts + d.attempts,
         last_status_code = d.last_status_code, last_error = d.last_error
       FROM unnest($1::uuid[], $2::text[]) AS again (delivery_id, reason)
       JOIN deliveries d ON d.id = again.delivery_id AND d.id = ANY($1::uuid[])
       WHERE l.id = d.dead_letter_id`,
      [again.map(({ delivery }) => delivery.id), again.map(({ reason }) => reason)],
    );
  }
  const fresh = dead.filter(({ delivery }) => delivery.dead_letter_id === null);
  if (fresh.length === 0) return;
  await manager.query(
    `INSERT INTO dead_letters
       (id, tenant_id, delivery_id, event_id, endpoint_id, event_type, source, payload, traceparent, event_created_at,
        reason, attempts, last_status_code, last_error)
     SELECT dead.id, d.tenant_id, d.id, d.event_id, d.endpoint_id, d.event_type, v.source, v.payload, v.traceparent,
        v.created_at, dead.reason, d.attempts, d.last_status_code, d.last_error
     FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS dead (id, delivery_id, reason)
     JOIN deliveries d ON d.id = dead.delivery_id AND d.id = ANY($2::uuid[])
     JOIN events v ON v.id = d.event_id AND v.id = ANY($4::uuid[])`,
    [
      fresh.map(({ delivery }) => newIdAfter(delivery.id)),
      fresh.map(({ delivery }) => delivery.id),
      fresh.map(({ reason }) => reason),
      fresh.map(({ delivery }) => delivery.event_id),
    ],
  );
}

/** A dead letter resolves when its retry arrives, whether that was a fresh delivery or one more attempt of the old one. */
export async function resolveDeadLetters(manager: EntityManager, reports: Report[]): Promise<void> {
  const arrived = reports.map(({ delivery }) => delivery);
  if (arrived.length === 0) return;
  await manager.query(
    `UPDATE dead_letters SET resolved_at = now(), resolution = 'retried'
     WHERE (id = ANY($1::uuid[]) OR delivery_id = ANY($2::uuid[])) AND resolved_at IS NULL`,
    [arrived.map((d) => d.dead_letter_id).filter((id) => id !== null), arrived.map((d) => d.id)],
  );
}

export interface DisabledEndpoint {
  id: string;
  tenantId: string;
}

/** An endpoint that answered 410 wants no more; one that a person changed meanwhile has a new address and is left alone. */
export async function disableEndpoints(manager: EntityManager, reports: Report[]): Promise<DisabledEndpoint[]> {
  if (reports.length === 0) return [];
  // With the endpoint disabled there is nothing to probe: what its circuit keeps back goes on to become dead letters.
  const rows = await manager.query<{ id: string; tenant_id: string }[]>(
    `WITH disabled AS (
       UPDATE endpoints e SET is_active = false, disabled_reason = 'gone', updated_at = now()
       FROM unnest($1::uuid[], $2::text[]) AS gone (endpoint_id, url)
       WHERE e.id = gone.endpoint_id AND e.url = gone.url AND e.is_active
       RETURNING e.id, e.tenant_id
     ), closed AS (
       DELETE FROM endpoint_circuits c USING disabled d WHERE c.endpoint_id = d.id
     )
     SELECT id, tenant_id FROM disabled`,
    [reports.map(({ delivery }) => delivery.endpoint_id), reports.map(({ delivery }) => delivery.url)],
  );
  return rows.map((row) => ({ id: row.id, tenantId: row.tenant_id }));
}

import type { EntityManager } from 'typeorm';
import { newIdAfter } from '../common/ids.js';
import { linkPending, openLetterOf } from '../dead-letters/open-letter.query.js';
import type { Report } from './record.query.js';

const GREATEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Keeps the payload and all that a retry needs. An event has one open letter at an endpoint: whichever of its deliveries there
 * dies next adds to it instead of making another. Of two that die in the same instant in different workers each makes one;
 * they are resolved together.
 */
export async function writeDeadLetters(manager: EntityManager, reports: Report[]): Promise<void> {
  const dead = reports.flatMap(({ delivery, outcome }) =>
    outcome.kind === 'dead_letter' ? [{ delivery, reason: outcome.reason }] : [],
  );
  if (dead.length === 0) return;
  await manager.query(
    `WITH dead AS (
       SELECT d.*, told.reason, told.fresh_id, coalesce(d.dead_letter_id, ${openLetterOf('d')}) AS letter_id
       FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS told (delivery_id, fresh_id, reason)
       JOIN deliveries d ON d.id = told.delivery_id AND d.id = ANY($1::uuid[])
     ), last AS (
       SELECT *, row_number() OVER newest_first AS n, sum(attempts) OVER whole AS all_attempts FROM dead
       WINDOW whole AS (PARTITION BY event_id, endpoint_id, letter_id), newest_first AS (whole ORDER BY id DESC)
     ), again AS (
       UPDATE dead_letters l SET
         delivery_id = last.id, reason = last.reason, attempts = l.attempts + last.all_attempts,
         last_status_code = last.last_status_code, last_error = last.last_error
       FROM last WHERE l.id = last.letter_id AND last.n = 1
     ), fresh AS (
       INSERT INTO dead_letters
         (id, tenant_id, delivery_id, event_id, endpoint_id, event_type, source, payload, traceparent, event_created_at,
          reason, attempts, last_status_code, last_error)
       SELECT last.fresh_id, last.tenant_id, last.id, last.event_id, last.endpoint_id, last.event_type, v.source,
          v.payload, v.traceparent, v.created_at, last.reason, last.all_attempts, last.last_status_code, last.last_error
       FROM last JOIN events v ON v.id = last.event_id AND v.id = ANY($4::uuid[])
       WHERE last.letter_id IS NULL AND last.n = 1
       RETURNING id, event_id, endpoint_id
     )
     ${linkPending('$5')}`,
    [
      dead.map(({ delivery }) => delivery.id),
      dead.map(({ delivery }) => newIdAfter(delivery.id)),
      dead.map(({ reason }) => reason),
      dead.map(({ delivery }) => delivery.event_id),
      dead.reduce((least, { delivery }) => (delivery.event_id < least ? delivery.event_id : least), GREATEST_ID),
    ],
  );
}

/** A dead letter resolves when its event arrives at its endpoint, by whichever delivery. */
export async function resolveDeadLetters(manager: EntityManager, reports: Report[]): Promise<void> {
  const arrived = reports.map(({ delivery }) => delivery);
  if (arrived.length === 0) return;
  await manager.query(
    `UPDATE dead_letters l SET resolved_at = now(), resolution = 'retried'
     FROM unnest($1::uuid[], $2::uuid[]) AS arrived (event_id, endpoint_id)
     WHERE l.event_id = arrived.event_id AND l.endpoint_id = arrived.endpoint_id AND l.event_id = ANY($1::uuid[])
       AND l.resolved_at IS NULL`,
    [arrived.map((d) => d.event_id), arrived.map((d) => d.endpoint_id)],
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

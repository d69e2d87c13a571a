import type { DataSource } from 'typeorm';
import { newId } from '../common/ids.js';
import { linkPending, openLetterOf } from '../dead-letters/open-letter.query.js';

const BATCH = 1_000;

/** How many of a tenant's deliveries a batch has settled; those that aren't dead got back the status that they had. */
export interface SettledOfTenant {
  tenant_id: string;
  settled: number;
  dead: number;
}

/**
 * Turns pending deliveries that are too old into dead letters (`expired`), held or not, a batch at a time. Those in the queue
 * are left to their worker, which does the same. One that waits for a manual attempt gets back the status it had, unless that
 * attempt is only a matter of its turn: whoever asked for it knew how old the delivery is.
 *
 * Partitions younger than the bound are pruned; within the others the three parts each use the partial index that covers
 * them, so that settled deliveries cost nothing.
 * @param beforeId deliveries made before this id's time
 * @returns what it settled; call again until that is nothing
 */
export function expireUnleased(db: DataSource, beforeId: string): Promise<SettledOfTenant[]> {
  return expire(
    db,
    // In parts of their own, because rows can't be locked through a UNION.
    `due AS (
       SELECT id, settled_status FROM deliveries
       WHERE status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL AND id < $1
         AND settled_status IS NULL
       LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
     ), held AS (
       SELECT id, settled_status FROM deliveries
       WHERE status = 'pending' AND held_by IS NOT NULL AND leased_until IS NULL AND next_attempt_at IS NULL AND id < $1
         AND (settled_status IS NULL OR held_by <> 'fairness')
       LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
     ), chosen AS (SELECT * FROM due UNION ALL SELECT * FROM held)`,
    beforeId,
  );
}

/**
 * The same for all pending deliveries that would lose their event or themselves when partitions before this id are dropped,
 * leased or not: a job that comes up later finds them settled. Waits for those that a worker has locked: it may be about to
 * put one off, and skipped here it would go with its partition. In order of id, as workers lock them.
 */
export function expireBeforeDrop(db: DataSource, beforeId: string): Promise<SettledOfTenant[]> {
  return expire(
    db,
    `chosen AS (
       SELECT id, settled_status FROM deliveries
       WHERE status = 'pending' AND (id < $1 OR (event_id < $1 AND dead_letter_id IS NULL))
       ORDER BY id LIMIT ${BATCH} FOR UPDATE
     )`,
    beforeId,
  );
}

function expire(db: DataSource, chosen: string, beforeId: string): Promise<SettledOfTenant[]> {
  // Ids of the dead letters, made here because PostgreSQL before 18 can't make a UUIDv7.
  const letterIds = Array.from({ length: 2 * BATCH }, newId);
  return db.query<SettledOfTenant[]>(
    `WITH ${chosen}, expired AS (
       UPDATE deliveries d SET
         status = coalesce(d.settled_status, 'dead_letter'), settled_status = NULL, held_by = NULL, leased_until = NULL,
         lease_no = d.lease_no + 1, next_attempt_at = NULL, tokens_booked = false,
         last_error = CASE WHEN d.settled_status IS NULL THEN 'expired' ELSE d.last_error END,
         completed_at = coalesce(d.completed_at, now())
       FROM chosen WHERE d.id = chosen.id
       RETURNING d.*, chosen.settled_status IS NULL AS is_dead
     ), dead AS (
       SELECT e.*, coalesce(e.dead_letter_id, ${openLetterOf('e')}) AS letter_id FROM expired e WHERE e.is_dead
     ), last AS (
       SELECT *, row_number() OVER () AS n, sum(attempts) OVER whole AS all_attempts,
         row_number() OVER newest_first = 1 AS is_last
       FROM dead
       WINDOW whole AS (PARTITION BY event_id, endpoint_id, letter_id), newest_first AS (whole ORDER BY id DESC)
     ), again AS (
       UPDATE dead_letters l SET
         delivery_id = last.id, reason = 'expired', attempts = l.attempts + last.all_attempts,
         last_status_code = coalesce(last.last_status_code, l.last_status_code), last_error = last.last_error
       FROM last WHERE l.id = last.letter_id AND last.is_last
     ), fresh AS (
       INSERT INTO dead_letters
         (id, tenant_id, delivery_id, event_id, endpoint_id, event_type, source, payload, traceparent, event_created_at,
          reason, attempts, last_status_code, last_error)
       SELECT ($2::uuid[])[last.n], last.tenant_id, last.id, last.event_id, last.endpoint_id, last.event_type, v.source,
          v.payload, v.traceparent, v.created_at, 'expired', last.all_attempts, last.last_status_code, last.last_error
       FROM last JOIN events v ON v.id = last.event_id JOIN tenants t ON t.id = last.tenant_id
       WHERE last.letter_id IS NULL AND last.is_last
       ON CONFLICT (delivery_id) DO NOTHING
       RETURNING id, event_id, endpoint_id
     ), linked AS (
       -- The chosen ones are locked by this very transaction, so they aren't skipped; a row can't be changed twice in a statement.
       ${linkPending('fresh.event_id')} AND deliveries.id NOT IN (SELECT id FROM chosen)
     )
     SELECT tenant_id, count(*)::int AS settled, count(*) FILTER (WHERE is_dead)::int AS dead
     FROM expired GROUP BY tenant_id`,
    [beforeId, letterIds],
  );
}

/**
 * The open dead letter of an event at an endpoint, as a subquery. There is one at most, but where two deliveries died in the
 * same instant: then the newest.
 * @param row what has an `event_id` and an `endpoint_id` around it
 */
export const openLetterOf = (row: string): string => `(
  SELECT l.id FROM dead_letters l
  WHERE l.event_id = ${row}.event_id AND l.endpoint_id = ${row}.endpoint_id AND l.resolved_at IS NULL
  ORDER BY l.id DESC LIMIT 1)`;

/**
 * Ends a statement with an expression `fresh` of letters that it writes: names each to the other deliveries of its event that
 * are pending at its endpoint, after a replay for one, so that the letter resolves when one of them arrives. Those that are
 * locked are left out, as they are being settled, and waiting for them would make deadlocks.
 * @param leastId an id that is no greater than those of the events: partitions before it aren't even locked
 */
export const linkPending = (leastId: string): string => `UPDATE deliveries SET dead_letter_id = other.letter_id
  FROM fresh CROSS JOIN LATERAL (
    SELECT d.id, fresh.id AS letter_id FROM deliveries d
    WHERE d.event_id = fresh.event_id AND d.id >= fresh.event_id AND d.id >= ${leastId} AND d.endpoint_id = fresh.endpoint_id
      AND d.status = 'pending' AND d.dead_letter_id IS NULL
    FOR UPDATE SKIP LOCKED
  ) other
  WHERE deliveries.id = other.id AND deliveries.id >= ${leastId}`;

import type { EntityManager } from 'typeorm';
import { newIdAfter } from '../common/ids.js';
import { openLetterOf } from '../dead-letters/open-letter.query.js';

export interface FreshDelivery {
  endpointId: string;
  maxAttempts: number;
}

export interface FreshDeliveriesOf {
  tenantId: string;
  /** Our id of the event. */
  eventId: string;
  eventType: string;
  /** The dead letter that is retried; null when the event is, of which an endpoint may have an open letter all the same. */
  deadLetterId: string | null;
}

/**
 * New deliveries of an event that was delivered before, due at once: a person asked for them, so no first wait of a retry
 * policy applies. The worker holds those whose endpoint is disabled.
 * @returns their ids, in the order of `deliveries`
 */
export async function insertFresh(
  manager: EntityManager,
  { tenantId, eventId, eventType, deadLetterId }: FreshDeliveriesOf,
  deliveries: readonly FreshDelivery[],
): Promise<string[]> {
  const ids = deliveries.map(() => newIdAfter(eventId));
  await manager.query(
    `INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, dead_letter_id, event_type, max_attempts, next_attempt_at)
     SELECT fresh.id, $1, fresh.event_id, fresh.endpoint_id, coalesce($3, ${openLetterOf('fresh')}), $4, fresh.max_attempts,
       now()
     FROM (
       SELECT id, $2::uuid AS event_id, endpoint_id, max_attempts
       FROM unnest($5::uuid[], $6::uuid[], $7::int[]) AS f (id, endpoint_id, max_attempts)
     ) fresh`,
    [
      tenantId,
      eventId,
      deadLetterId,
      eventType,
      ids,
      deliveries.map((delivery) => delivery.endpointId),
      deliveries.map((delivery) => delivery.maxAttempts),
    ],
  );
  return ids;
}

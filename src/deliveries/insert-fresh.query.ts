import type { EntityManager } from 'typeorm';
import { newIdAfter } from '../common/ids.js';

export interface FreshDelivery {
  endpointId: string;
  maxAttempts: number;
}

export interface FreshDeliveriesOf {
  tenantId: string;
  /** Our id of the event. */
  eventId: string;
  eventType: string;
  /** The dead letter that is retried; null when the event is. */
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
     SELECT fresh.id, $1, $2, fresh.endpoint_id, $3, $4, fresh.max_attempts, now()
     FROM unnest($5::uuid[], $6::uuid[], $7::int[]) AS fresh (id, endpoint_id, max_attempts)`,
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

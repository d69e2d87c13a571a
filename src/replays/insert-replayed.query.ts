import type { EntityManager } from 'typeorm';
import { newIdAfter } from '../common/ids.js';
import { openLetterOf } from '../dead-letters/open-letter.query.js';

export interface ReplayedItem {
  eventId: string;
  eventType: string;
  endpointId: string;
  deadLetterId: string | null;
  maxAttempts: number;
}

/**
 * Fresh deliveries of many events. Due a millisecond apart, as the feeder takes what is due in order of that time: the
 * oldest enters the queue first, though all are made at once.
 */
export async function insertReplayed(
  manager: EntityManager,
  tenantId: string,
  items: readonly ReplayedItem[],
): Promise<void> {
  if (items.length === 0) return;
  await manager.query(
    `INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, dead_letter_id, event_type, max_attempts, next_attempt_at)
     SELECT fresh.id, $1, fresh.event_id, fresh.endpoint_id, coalesce(fresh.dead_letter_id, ${openLetterOf('fresh')}),
       fresh.event_type, fresh.max_attempts, now() + make_interval(secs => fresh.n / 1000.0)
     FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::int[]) WITH ORDINALITY
       AS fresh (id, event_id, endpoint_id, dead_letter_id, event_type, max_attempts, n)`,
    [
      tenantId,
      items.map(({ eventId }) => newIdAfter(eventId)),
      items.map(({ eventId }) => eventId),
      items.map(({ endpointId }) => endpointId),
      items.map(({ deadLetterId }) => deadLetterId),
      items.map(({ eventType }) => eventType),
      items.map(({ maxAttempts }) => maxAttempts),
    ],
  );
}

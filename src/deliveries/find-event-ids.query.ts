import type { EntityManager } from 'typeorm';
import { isUuid } from '../common/ids.js';

/** More events under one `event_id` than an idempotency window a day can let in while they are kept. */
const MAX_EVENTS = 1_000;

/** Our ids of the events that a tenant means by `eventId`: ours, or its own, which may look like one of ours. */
export async function findEventIds(manager: EntityManager, tenantId: string, eventId: string): Promise<string[]> {
  const rows = await manager.query<{ id: string }[]>(
    `SELECT id FROM events WHERE tenant_id = $1 AND event_id = $2 ORDER BY id DESC LIMIT ${MAX_EVENTS}`,
    [tenantId, eventId],
  );
  const ids = rows.map((row) => row.id);
  return isUuid(eventId) ? [...ids, eventId.toLowerCase()] : ids;
}

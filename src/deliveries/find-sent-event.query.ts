import type { EntityManager } from 'typeorm';

/** What an attempt's body is rendered from. */
export interface SentEvent {
  id: string;
  eventType: string;
  source: string | null;
  createdAt: Date;
  payload: string;
}

/** The event of a delivery, or what a dead letter kept of it after the event's partition went; null: neither is left. */
export async function findSentEvent(
  manager: EntityManager,
  tenantId: string,
  deliveryId: string,
): Promise<SentEvent | null> {
  const rows = await manager.query<SentEvent[]>(
    `WITH delivery AS (SELECT event_id FROM deliveries WHERE tenant_id = $1 AND id = $2)
     (SELECT v.id, v.event_type AS "eventType", v.source, v.created_at AS "createdAt", v.payload
      FROM delivery d JOIN events v ON v.id = d.event_id)
     UNION ALL
     (SELECT l.event_id, l.event_type, l.source, l.event_created_at, l.payload
      FROM delivery d JOIN dead_letters l ON l.event_id = d.event_id)
     LIMIT 1`,
    [tenantId, deliveryId],
  );
  return rows[0] ?? null;
}

import { withRawMember } from '../common/raw-json.js';
import type { EventDeliveryDto, EventSummaryDto } from './event.dto.js';
import type { EventEntity } from './event.entity.js';

export const presentEventSummary = (
  event: Pick<EventEntity, 'id' | 'eventId' | 'eventType' | 'source' | 'createdAt'>,
): EventSummaryDto => ({
  id: event.id,
  event_id: event.eventId,
  event_type: event.eventType,
  source: event.source,
  created_at: event.createdAt,
});

/** As JSON text, with the payload byte for byte. */
export const eventJson = (event: EventEntity, deliveries: EventDeliveryDto[]): string =>
  withRawMember({ ...presentEventSummary(event), deliveries }, 'payload', event.payload);

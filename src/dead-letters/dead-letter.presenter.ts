import { withRawMember } from '../common/raw-json.js';
import type { DeadLetterSummaryDto } from './dead-letter.dto.js';
import type { DeadLetter } from './dead-letter.entity.js';

export const presentDeadLetterSummary = (letter: Omit<DeadLetter, 'payload'>): DeadLetterSummaryDto => ({
  id: letter.id,
  delivery_id: letter.deliveryId,
  event_id: letter.eventId,
  event_type: letter.eventType,
  endpoint_id: letter.endpointId,
  reason: letter.reason,
  attempts: letter.attempts,
  last_status_code: letter.lastStatusCode,
  last_error: letter.lastError,
  resolved_at: letter.resolvedAt,
  resolution: letter.resolution,
  created_at: letter.createdAt,
});

/** As JSON text, with the payload byte for byte. */
export const deadLetterJson = (letter: DeadLetter): string =>
  withRawMember(presentDeadLetterSummary(letter), 'payload', letter.payload);

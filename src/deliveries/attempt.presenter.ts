import type { AttemptDto } from './attempt.dto.js';
import type { DeliveryAttempt } from './delivery-attempt.entity.js';

/** @param body as it was sent, rendered from the event; null when the event is no longer kept */
export const presentAttempt = (
  attempt: Omit<DeliveryAttempt, 'tenantId' | 'endpointId' | 'format'>,
  body: string | null,
): AttemptDto => ({
  id: attempt.id,
  delivery_id: attempt.deliveryId,
  attempt: attempt.attempt,
  outcome: attempt.outcome,
  status_code: attempt.statusCode,
  error: attempt.error,
  request: { url: attempt.url, headers: attempt.requestHeaders, body },
  response: {
    headers: attempt.responseHeaders ?? {},
    body: attempt.responseBody,
    truncated: attempt.responseTruncated,
  },
  duration_ms: attempt.durationMs,
  created_at: attempt.createdAt,
});

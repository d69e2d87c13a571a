import type { DeliveryStatus } from '../deliveries/delivery.entity.js';
import type { StreamedAttempt } from '../stream/attempt-message.js';
import type { MadeAttempt, Report } from './record.query.js';

/** @param written whether the delivery's new state was: else its lease was lost, and what becomes of it is another's to say */
export function streamedAttemptOf(report: Report, attempt: MadeAttempt, written: boolean): StreamedAttempt {
  const { delivery } = report;
  const { outcome, statusCode, error, durationMs } = attempt.result;
  return {
    id: attempt.id,
    delivery_id: delivery.id,
    event_id: delivery.event_id,
    event_type: delivery.event_type ?? '',
    endpoint_id: delivery.endpoint_id,
    attempt: delivery.attempts + 1,
    outcome,
    status_code: statusCode,
    error: error?.message ?? null,
    duration_ms: durationMs,
    at: new Date(delivery.now_ms).toISOString(),
    delivery_status: written ? statusOf(report) : null,
  };
}

function statusOf({ outcome }: Report): DeliveryStatus {
  switch (outcome.kind) {
    case 'succeeded':
    case 'dead_letter':
    case 'cancelled':
      return outcome.kind;
    case 'restored':
      return outcome.status;
    case 'retry':
    case 'held':
      return 'pending';
  }
}

import type { DeliveryDto } from './delivery.dto.js';
import type { Delivery } from './delivery.entity.js';

export function presentDelivery(delivery: Delivery): DeliveryDto {
  const isPending = delivery.status === 'pending';
  return {
    id: delivery.id,
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    endpoint_id: delivery.endpointId,
    status: delivery.status,
    attempts: delivery.attempts,
    max_attempts: delivery.maxAttempts,
    next_attempt_at: isPending ? delivery.nextAttemptAt : null,
    held_by: isPending ? delivery.heldBy : null,
    last_status_code: delivery.lastStatusCode,
    last_error: delivery.lastError,
    created_at: delivery.createdAt,
    // Kept in the row while a settled delivery has a manual attempt ahead, but pending is not completed.
    completed_at: isPending ? null : delivery.completedAt,
  };
}

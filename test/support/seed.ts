import type { DataSource, DeepPartial } from 'typeorm';
import { newId, newIdAfter } from '../../src/common/ids.js';
import { DeadLetter } from '../../src/dead-letters/dead-letter.entity.js';
import { DeliveryAttempt, type AttemptOutcome } from '../../src/deliveries/delivery-attempt.entity.js';
import { Delivery } from '../../src/deliveries/delivery.entity.js';
import { EventEntity } from '../../src/events/event.entity.js';

/** An event as publishing leaves it, without any delivery. */
export async function seedEvent(
  db: DataSource,
  tenantId: string,
  values: Partial<EventEntity> = {},
): Promise<EventEntity> {
  const event = Object.assign(new EventEntity(), {
    id: newId(),
    tenantId,
    eventId: null,
    eventType: 'order.created',
    source: null,
    payload: '{"total": 1.0, "id":12345678901234567890}',
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00`,
    createdAt: new Date(),
    ...values,
  });
  await db.getRepository(EventEntity).insert(event);
  return event;
}

/** A delivery in any state, with attempts of these outcomes. Pending and due unless said otherwise. */
export async function seedDelivery(
  db: DataSource,
  event: EventEntity,
  endpointId: string,
  values: DeepPartial<Delivery> = {},
  outcomes: readonly AttemptOutcome[] = [],
): Promise<Delivery> {
  const deliveries = db.getRepository(Delivery);
  const delivery = deliveries.create({
    id: newIdAfter(event.id),
    tenantId: event.tenantId,
    eventId: event.id,
    endpointId,
    eventType: event.eventType,
    maxAttempts: 7,
    nextAttemptAt: values.status === undefined || values.status === 'pending' ? new Date() : null,
    ...values,
  });
  await deliveries.insert(delivery);
  for (const [index, outcome] of outcomes.entries()) {
    await db.getRepository(DeliveryAttempt).insert({
      id: newIdAfter(delivery.id),
      tenantId: event.tenantId,
      deliveryId: delivery.id,
      endpointId,
      attempt: index + 1,
      outcome,
      statusCode: outcome === 'succeeded' ? 200 : 500,
      error: outcome === 'succeeded' ? null : 'http_status',
      url: 'https://hooks.example.com/',
      requestHeaders: { 'content-type': 'application/json', 'x-token': '***' },
      format: 'envelope',
      responseHeaders: { 'content-type': 'text/plain' },
      responseBody: 'ok',
      responseTruncated: false,
      durationMs: 12,
      createdAt: new Date(),
    });
  }
  return delivery;
}

/** The dead letter of a delivery, as the worker writes it. */
export async function seedDeadLetter(
  db: DataSource,
  event: EventEntity,
  delivery: Delivery,
  values: DeepPartial<DeadLetter> = {},
): Promise<DeadLetter> {
  const letters = db.getRepository(DeadLetter);
  const letter = letters.create({
    id: newIdAfter(delivery.id),
    tenantId: event.tenantId,
    deliveryId: delivery.id,
    eventId: event.id,
    endpointId: delivery.endpointId,
    eventType: event.eventType,
    source: event.source,
    payload: event.payload,
    traceparent: event.traceparent,
    eventCreatedAt: event.createdAt,
    reason: 'attempts_exhausted',
    attempts: 7,
    lastStatusCode: 500,
    lastError: 'http_status',
    resolvedAt: null,
    resolution: null,
    ...values,
  });
  await letters.insert(letter);
  return letter;
}

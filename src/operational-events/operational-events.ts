import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { newId, timestampOf } from '../common/ids.js';
import { traceparentFrom } from '../common/traceparent.js';
import { Config } from '../config/config.js';
import { isOperationalType, wantsEvent } from '../events/event-types.js';
import { newDelivery } from '../events/fan-out.js';
import { findEndpoints, insertEvents, type NewDelivery, type NewEvent } from '../events/ingest.query.js';

/** What Posthaste itself tells a tenant, as events that its endpoints can ask for. */
export const OPERATIONAL_EVENT_TYPES = [
  'posthaste.endpoint.disabled',
  'posthaste.endpoint.circuit_opened',
  'posthaste.endpoint.recovered',
  'posthaste.delivery.dead_lettered',
] as const;
export type OperationalEventType = (typeof OPERATIONAL_EVENT_TYPES)[number];

export interface OperationalEvent {
  type: OperationalEventType;
  tenantId: string;
  /** The endpoint that it is about, which is never told of itself. */
  endpointId: string;
  data: Record<string, unknown>;
}

@Injectable()
export class OperationalEvents {
  constructor(private readonly config: Config) {}

  /**
   * Writes events and their deliveries in the transaction of what they tell of; the feeder does the rest. An event that no
   * endpoint asks for is not kept.
   */
  async emit(manager: EntityManager, events: readonly OperationalEvent[]): Promise<void> {
    if (events.length === 0) return;
    const tenantIds = [...new Set(events.map(({ tenantId }) => tenantId))];
    const endpoints = (await findEndpoints(manager, tenantIds)).filter(
      // Only those that name such types: an endpoint for all types gets the tenant's own.
      ({ is_active, event_types }) => is_active && event_types.some(isOperationalType),
    );
    const newEvents: NewEvent[] = [];
    const deliveries: NewDelivery[] = [];
    for (const event of events) {
      const wanting = endpoints.filter(
        ({ id, tenant_id, event_types }) =>
          tenant_id === event.tenantId && id !== event.endpointId && wantsEvent(event_types, event.type),
      );
      if (wanting.length === 0) continue;
      const newEvent = toNewEvent(event);
      newEvents.push(newEvent);
      const options = { systemPolicy: this.config.defaultRetryPolicy, admit: () => false };
      for (const endpoint of wanting) {
        // Not leased here, so it would count as waiting for a place; but it is simply due.
        deliveries.push({ ...newDelivery(newEvent, endpoint, options), heldBy: null });
      }
    }
    if (newEvents.length > 0) await insertEvents(manager, newEvents, deliveries, this.config.leaseSeconds);
  }
}

function toNewEvent({ type, tenantId, data }: OperationalEvent): NewEvent {
  const id = newId();
  return {
    id,
    tenantId,
    eventId: null,
    eventType: type,
    source: 'posthaste',
    payload: JSON.stringify(data),
    traceparent: traceparentFrom(undefined),
    createdAt: new Date(timestampOf(id)),
  };
}

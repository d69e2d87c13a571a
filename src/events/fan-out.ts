import { newIdAfter } from '../common/ids.js';
import { resolveRetryPolicy, waitMsBefore, type RetryPolicy } from '../deliveries/retry-policy.js';
import { wantsEvent } from './event-types.js';
import type { FanOutEndpoint, NewDelivery, NewEvent } from './ingest.query.js';

export type FanOut = { ok: true; endpoints: FanOutEndpoint[] } | { ok: false; unknownEndpointIds: string[] };

export interface FanOutOptions {
  systemPolicy: RetryPolicy;
  /** Takes a place in the queue for a delivery that is due at once; without a place it waits in PostgreSQL. */
  admit: (tenantId: string, endpointId: string) => boolean;
}

/**
 * Where an event goes: to the endpoints it names, else to every active one that wants its type. One that is named
 * though inactive gets a delivery that is held until somebody enables it.
 */
export function fanOut(
  eventType: string,
  namedEndpointIds: readonly string[] | null,
  endpointsOfTenant: readonly FanOutEndpoint[],
): FanOut {
  if (namedEndpointIds === null) {
    const endpoints = endpointsOfTenant.filter(
      (endpoint) => endpoint.is_active && wantsEvent(endpoint.event_types, eventType),
    );
    return { ok: true, endpoints };
  }
  const known = new Map(endpointsOfTenant.map((endpoint) => [endpoint.id, endpoint]));
  const unknownEndpointIds = namedEndpointIds.filter((id) => !known.has(id));
  if (unknownEndpointIds.length > 0) return { ok: false, unknownEndpointIds };
  return { ok: true, endpoints: namedEndpointIds.flatMap((id) => known.get(id) ?? []) };
}

export function newDelivery(event: NewEvent, endpoint: FanOutEndpoint, options: FanOutOptions): NewDelivery {
  const policy = resolveRetryPolicy(endpoint.retry_policy, endpoint.tenant_retry_policy, options.systemPolicy);
  const waitMs = waitMsBefore(policy, 1, { random: Math.random });
  const sendable = endpoint.is_active && !endpoint.circuit_open && waitMs === 0;
  const leased = sendable && options.admit(event.tenantId, endpoint.id);
  return {
    id: newIdAfter(event.id),
    tenantId: event.tenantId,
    eventId: event.id,
    endpointId: endpoint.id,
    eventType: event.eventType,
    maxAttempts: policy.maxAttempts,
    waitMs,
    heldBy: heldBy(endpoint, waitMs, leased),
    leased,
  };
}

function heldBy(endpoint: FanOutEndpoint, waitMs: number, leased: boolean): NewDelivery['heldBy'] {
  if (!endpoint.is_active) return 'disabled';
  // A first wait is waited for first; what then stands in the way is seen then.
  if (waitMs > 0 || leased) return null;
  return endpoint.circuit_open ? 'circuit' : 'fairness';
}

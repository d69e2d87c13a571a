/** The most characters that an event type or a pattern may have. */
export const MAX_EVENT_TYPE_LENGTH = 255;

/** Events of the service itself (an endpoint was disabled, …) carry this prefix; tenants can't publish under it. */
export const OPERATIONAL_PREFIX = 'posthaste.';

const EVENT_TYPE = /^[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*$/;
const WILDCARD = '.*';

/** Segments of letters, digits and underscores, joined by full stops: `order.created`. */
export function isValidEventType(type: string): boolean {
  return type.length <= MAX_EVENT_TYPE_LENGTH && EVENT_TYPE.test(type);
}

/** Whether the type is one of the service's own, which a tenant may listen for but not publish. */
export function isOperationalType(type: string): boolean {
  return type.startsWith(OPERATIONAL_PREFIX);
}

/** An exact type, or `order.*`. A lone `*` is none: an empty list already means every type. */
export function isValidEventTypePattern(pattern: string): boolean {
  if (pattern.length > MAX_EVENT_TYPE_LENGTH) return false;
  return isValidEventType(pattern.endsWith(WILDCARD) ? pattern.slice(0, -WILDCARD.length) : pattern);
}

/**
 * Whether an endpoint with these `event_types` gets an event of this (valid) type. An empty list wants every type
 * but the operational ones: those go only to endpoints that name them, or else a tenant's catch-all endpoint would
 * be sent events that its backend never published.
 */
export function wantsEvent(patterns: readonly string[], eventType: string): boolean {
  if (patterns.length === 0) return !isOperationalType(eventType);
  return patterns.some((pattern) => matches(pattern, eventType));
}

function matches(pattern: string, eventType: string): boolean {
  // Keeping the full stop makes `order.*` ask for a further segment: neither `order` nor `orders.x` begins with `order.`.
  return pattern.endsWith(WILDCARD) ? eventType.startsWith(pattern.slice(0, -1)) : pattern === eventType;
}

import { ID_BYTES, type AcceptedEvents, type ReceivedRequests } from './wire.js';

/** An event that was accepted, by whatever way, with its place in the arrays it came from. */
export type Accepted = Pick<AcceptedEvents, 'ids' | 'tenants' | 'acceptedAt' | 'sentAt'>;

export interface Reconciliation {
  events: number;
  /** Deliveries that the accepted events must cause. */
  expected: number;
  /** Of these, the ones that arrived and were answered with 200. */
  delivered: number;
  lost: number;
  /** Answered with 200 more than once. */
  duplicates: number;
  /** Requests for an event that nobody accepted, or at an endpoint of another tenant. */
  unexpected: number;
  badSignatures: number;
  /** Accepted twice under the same id. */
  repeatedIds: number;
  /** Requests that were answered with an error, as the scenario wants it. */
  failedOnPurpose: number;
  /** A few of what is wrong, in words. */
  examples: string[];
}

export interface Arrivals {
  /** From the answer 202 to the first byte at the receiver; one that overtook its answer counts as 0. */
  fromAccept: Float64Array;
  /** From the moment of sending, or the one planned for it. */
  fromSend: Float64Array;
  /** Which endpoint's. */
  endpoints: Uint32Array;
  /** Which event's. */
  events: Uint32Array;
}

const MAX_EXAMPLES = 5;
const NOT_HIS = -1;

/**
 * Compares every request that the receiver got with every event that was accepted: each event must have arrived exactly
 * once, and validly signed, at each endpoint of its tenant.
 * @param endpointsOf the numbers of each tenant's endpoints
 */
export function reconcile(
  accepted: Accepted,
  received: ReceivedRequests,
  endpointsOf: readonly (readonly number[])[],
): { verdict: Reconciliation; arrivals: Arrivals } {
  const events = accepted.tenants.length;
  const verdict: Reconciliation = { ...NOTHING_WRONG, events, examples: [] };
  const complain = (what: string): void => void (verdict.examples.length < MAX_EXAMPLES && verdict.examples.push(what));

  const { eventOf, firstSlots, slots } = indexEvents(accepted, endpointsOf, (id) => {
    verdict.repeatedIds += 1;
    complain(`${id} was accepted twice`);
  });
  verdict.expected = slots;
  const placeOf = placesOf(endpointsOf);
  const successes = new Uint8Array(slots);
  const arrivals: Arrivals = {
    fromAccept: new Float64Array(slots),
    fromSend: new Float64Array(slots),
    endpoints: new Uint32Array(slots),
    events: new Uint32Array(slots),
  };

  const ids = textOf(received.ids);
  for (let n = 0; n < received.endpoints.length; n++) {
    const id = ids(n);
    const endpoint = received.endpoints[n] ?? 0;
    if (received.valid[n] !== 1) {
      verdict.badSignatures += 1;
      complain(`${id} came to endpoint ${endpoint} with a signature that is not its`);
    }
    const event = eventOf.get(id);
    const place = event === undefined ? NOT_HIS : placeOf(accepted.tenants[event] ?? 0, endpoint);
    if (event === undefined || place === NOT_HIS) {
      verdict.unexpected += 1;
      complain(`${id} came to endpoint ${endpoint}, which nobody asked for`);
      continue;
    }
    const slot = (firstSlots[event] ?? 0) + place;
    const firstByteAt = received.firstByteAt[n] ?? 0;
    if (received.statuses[n] !== 200) {
      verdict.failedOnPurpose += 1;
      continue;
    }
    successes[slot] = Math.min((successes[slot] ?? 0) + 1, 255);
    if (successes[slot] === 1) {
      arrivals.endpoints[verdict.delivered] = endpoint;
      arrivals.events[verdict.delivered] = event;
      arrivals.fromAccept[verdict.delivered] = Math.max(0, firstByteAt - (accepted.acceptedAt[event] ?? 0));
      arrivals.fromSend[verdict.delivered] = firstByteAt - (accepted.sentAt[event] ?? 0);
      verdict.delivered += 1;
    } else {
      verdict.duplicates += 1;
      complain(`${id} came to endpoint ${endpoint} again after it was answered with 200`);
    }
  }
  verdict.lost = slots - verdict.delivered;
  if (verdict.lost > 0) complain(`${firstLost(successes, firstSlots, textOf(accepted.ids))} never arrived`);
  const { delivered } = verdict;
  arrivals.fromAccept = arrivals.fromAccept.subarray(0, delivered);
  arrivals.fromSend = arrivals.fromSend.subarray(0, delivered);
  arrivals.endpoints = arrivals.endpoints.subarray(0, delivered);
  arrivals.events = arrivals.events.subarray(0, delivered);
  return { verdict, arrivals };
}

/** Whether everything that was accepted arrived, once, and signed. */
export const isClean = (verdict: Reconciliation): boolean =>
  verdict.lost + verdict.duplicates + verdict.unexpected + verdict.badSignatures + verdict.repeatedIds === 0;

const NOTHING_WRONG = {
  expected: 0,
  delivered: 0,
  lost: 0,
  duplicates: 0,
  unexpected: 0,
  badSignatures: 0,
  repeatedIds: 0,
  failedOnPurpose: 0,
};

/** Each event's deliveries have consecutive slots, in the order of its tenant's endpoints. */
function indexEvents(
  { ids, tenants }: Accepted,
  endpointsOf: readonly (readonly number[])[],
  onRepeated: (id: string) => void,
): { eventOf: Map<string, number>; firstSlots: Uint32Array; slots: number } {
  const eventOf = new Map<string, number>();
  const firstSlots = new Uint32Array(tenants.length);
  const idAt = textOf(ids);
  let slots = 0;
  for (let n = 0; n < tenants.length; n++) {
    const id = idAt(n);
    if (eventOf.has(id)) onRepeated(id);
    eventOf.set(id, n);
    firstSlots[n] = slots;
    slots += endpointsOf[tenants[n] ?? 0]?.length ?? 0;
  }
  return { eventOf, firstSlots, slots };
}

/** Where an endpoint stands among those of a tenant. */
function placesOf(endpointsOf: readonly (readonly number[])[]): (tenant: number, endpoint: number) => number {
  const owners = new Map<number, { tenant: number; place: number }>();
  endpointsOf.forEach((endpoints, tenant) => {
    endpoints.forEach((endpoint, place) => owners.set(endpoint, { tenant, place }));
  });
  return (tenant, endpoint) => {
    const owner = owners.get(endpoint);
    return owner?.tenant === tenant ? owner.place : NOT_HIS;
  };
}

function textOf(ids: Uint8Array): (index: number) => string {
  const buffer = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
  return (index) => buffer.toString('latin1', index * ID_BYTES, (index + 1) * ID_BYTES);
}

function firstLost(successes: Uint8Array, firstSlots: Uint32Array, idAt: (index: number) => string): string {
  const slot = successes.indexOf(0);
  const after = firstSlots.findIndex((first) => first > slot);
  return idAt(after < 0 ? firstSlots.length - 1 : after - 1);
}

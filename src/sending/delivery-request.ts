import { type SigningKey, signWithKeys } from '../signing/signature.js';
import { isReservedHeader } from './reserved-headers.js';

export interface DeliveredEvent {
  readonly id: string;
  readonly eventType: string;
  readonly source: string | null;
  readonly createdAt: Date;
  /** The payload's own JSON text, sent as it is. */
  readonly payload: string;
  /** W3C trace context; null: none is sent. */
  readonly traceparent: string | null;
}

export interface DeliveryTarget {
  readonly url: string;
  /** The endpoint's own headers, as `refusedHeaders` let them pass. */
  readonly headers: Readonly<Record<string, string>>;
  /** `envelope`: the event around the payload; `payload`: its text alone. */
  readonly format: 'envelope' | 'payload';
}

export interface DeliveryRequestInput {
  readonly event: DeliveredEvent;
  readonly endpoint: DeliveryTarget;
  /** The endpoint's, from `prepareSigningKeys`. */
  readonly signingKeys: readonly SigningKey[];
  /** Counted from 1. */
  readonly attempt: number;
  /** Of this attempt, in seconds since 1970. */
  readonly timestampSeconds: number;
  readonly userAgentVersion: string;
}

export interface DeliveryRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** What a masked header value reads. */
export const MASK = '***';

/** The request of one attempt. The body is serialised once: the bytes signed are the bytes sent. */
export function buildDeliveryRequest(input: DeliveryRequestInput): DeliveryRequest {
  const { event, endpoint, signingKeys, attempt, timestampSeconds, userAgentVersion } = input;
  const body = Buffer.from(renderBody(event, endpoint.format));
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': `Posthaste/${userAgentVersion}`,
  };
  // Not spread into the literal: an object that is spread and then added to costs Node 20 fifty times as much.
  Object.assign(headers, signWithKeys(signingKeys, { id: event.id, timestampSeconds, body }));
  headers['webhook-event-type'] = event.eventType;
  headers['webhook-attempt'] = String(attempt);
  if (event.traceparent !== null) headers.traceparent = event.traceparent;
  for (const [name, value] of Object.entries(endpoint.headers)) {
    // One stored before its name became reserved must neither replace ours nor break the request.
    if (!isReservedHeader(name)) headers[name.toLowerCase()] = value;
  }
  return { url: endpoint.url, headers, body };
}

/** The body that an event has at every endpoint of this format; attempts show it without storing it again. */
export function renderBody(event: Omit<DeliveredEvent, 'traceparent'>, format: DeliveryTarget['format']): string {
  if (format === 'payload') return event.payload;
  // Put together by hand: the payload's text must pass untouched, number formats and white space included.
  const source = event.source === null ? '' : `,"source":${JSON.stringify(event.source)}`;
  const head = `{"id":${JSON.stringify(event.id)},"type":${JSON.stringify(event.eventType)}${source}`;
  return `${head},"timestamp":"${event.createdAt.toISOString()}","data":${event.payload}}`;
}

/**
 * The headers as they may be recorded: with {@link MASK} for the values that can hold credentials.
 * @param secretNames the endpoint's own header names, in any case.
 */
export function maskHeaders(
  headers: Readonly<Record<string, string>>,
  secretNames: Iterable<string>,
): Readonly<Record<string, string>> {
  const secret = new Set(Array.from(secretNames, (name) => name.toLowerCase()));
  if (secret.size === 0) return headers;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, secret.has(name.toLowerCase()) ? MASK : value]),
  );
}

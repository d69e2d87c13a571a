export type HeaderRefusalReason = 'reserved' | 'name' | 'value' | 'too_long' | 'duplicate' | 'too_many';

export interface HeaderRefusal {
  /** As it was given; empty for `too_many`. */
  readonly name: string;
  readonly reason: HeaderRefusalReason;
  /** Fit for a 422. */
  readonly message: string;
}

export const MAX_ENDPOINT_HEADERS = 50;
/** In characters. */
export const MAX_HEADER_NAME_LENGTH = 128;
/** In characters. */
export const MAX_HEADER_VALUE_LENGTH = 4096;

// RFC 9110, section 5.6.2 (token) and 5.5 (field values; beyond ASCII receivers disagree about the encoding).
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;

const RESERVED_NAMES = new Set([
  // Of the connection, not of the message (RFC 9110, section 7.6.1): they break framing, or are our HTTP client's to set.
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
  'content-length',
  'expect',
  // What Posthaste says about the message itself.
  'content-type',
  'content-encoding',
  'user-agent',
  'traceparent',
  '__proto__',
]);
const RESERVED_PREFIXES = ['webhook-', 'x-webhook-signature', 'proxy-'];

/** Whether an endpoint may not set this header, in any case of its letters. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return RESERVED_NAMES.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix));
}

/** What is wrong with the headers that an endpoint wants on each delivery; empty when they are fine. */
export function refusedHeaders(headers: Readonly<Record<string, string>>): HeaderRefusal[] {
  const entries = Object.entries(headers);
  if (entries.length > MAX_ENDPOINT_HEADERS) {
    return [{ name: '', reason: 'too_many', message: `at most ${MAX_ENDPOINT_HEADERS} headers` }];
  }
  const refusals: HeaderRefusal[] = [];
  const seen = new Set<string>();
  for (const [name, value] of entries) {
    const refusal = refusalOf(name, value, seen);
    if (refusal !== null) refusals.push({ name, ...refusal });
    seen.add(name.toLowerCase());
  }
  return refusals;
}

function refusalOf(name: string, value: string, seen: ReadonlySet<string>): Omit<HeaderRefusal, 'name'> | null {
  if (name.length > MAX_HEADER_NAME_LENGTH) {
    return { reason: 'too_long', message: `names have at most ${MAX_HEADER_NAME_LENGTH} characters` };
  }
  if (!TOKEN.test(name)) return { reason: 'name', message: 'not a header name' };
  if (isReservedHeader(name)) return { reason: 'reserved', message: 'set by Posthaste or by the connection' };
  if (seen.has(name.toLowerCase())) return { reason: 'duplicate', message: 'named twice' };
  if (value.length > MAX_HEADER_VALUE_LENGTH) {
    return { reason: 'too_long', message: `values have at most ${MAX_HEADER_VALUE_LENGTH} characters` };
  }
  if (!FIELD_VALUE.test(value)) return { reason: 'value', message: 'values are printable ASCII' };
  return null;
}

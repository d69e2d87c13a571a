import { takeRandom } from './random.js';

/** W3C Trace Context, version 00: neither id may be all zeroes. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

export const isTraceparent = (header: unknown): header is string =>
  typeof header === 'string' && TRACEPARENT.test(header);

/** The caller's trace context when it is one, else a new one (not sampled: nobody has asked for it). */
export function traceparentFrom(header: string | string[] | undefined): string {
  if (isTraceparent(header)) return header;
  const ids = takeRandom(TRACE_ID_BYTES + SPAN_ID_BYTES).toString('hex');
  return `00-${ids.slice(0, 2 * TRACE_ID_BYTES)}-${ids.slice(2 * TRACE_ID_BYTES)}-00`;
}

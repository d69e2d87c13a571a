import { randomBytes } from 'node:crypto';

/** W3C Trace Context, version 00: neither id may be all zeroes. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's trace context when it is one, else a new one (not sampled: nobody has asked for it). */
export function traceparentFrom(header: string | string[] | undefined): string {
  if (typeof header === 'string' && TRACEPARENT.test(header)) return header;
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`;
}

import { randomUUID } from 'node:crypto';

/** W3C Trace Context, version 00: neither id may be all zeroes. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export const isTraceparent = (header: unknown): header is string =>
  typeof header === 'string' && TRACEPARENT.test(header);

/** The caller's trace context when it is one, else a new one (not sampled: nobody has asked for it). */
export function traceparentFrom(header: string | string[] | undefined): string {
  if (isTraceparent(header)) return header;
  return `00-${randomHex()}-${randomHex().slice(-16)}-00`;
}

/** 32 digits, of which 122 bits are random: node keeps a store of UUIDs, where each call of `randomBytes` asks for its own. */
const randomHex = (): string => randomUUID().replaceAll('-', '');

import { createHash } from 'node:crypto';

import type { PublishEvent } from './publish-request.js';

/**
 * SHA-256 over what makes two publications the same: type, source, the payload's own text, and the endpoint ids as a
 * set. The `event_id` is left out: it is one of the keys under which content is compared.
 *
 * Each part is a netstring (`<bytes>:<text>,`), so that no text can pose as the boundary between two parts; an absent
 * part is `-`, which no netstring begins with.
 */
export function contentHash(event: Omit<PublishEvent, 'eventId'>): Buffer {
  const endpointIds = event.endpointIds === null ? null : [...new Set(event.endpointIds)].sort();
  const parts = [event.eventType, event.source, event.payload, endpointIds?.join(' ') ?? null];
  return createHash('sha256').update(parts.map(netstring).join('')).digest();
}

function netstring(text: string | null): string {
  return text === null ? '-' : `${Buffer.byteLength(text, 'utf8')}:${text},`;
}

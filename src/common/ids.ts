import { v7 } from 'uuid';
import { takeRandom } from './random.js';

const RANDOM_BYTES = 16;

let msecs = -Infinity;
let seq = 0;

/** A UUIDv7. Those of one process are strictly increasing, so a child made after its parent sorts after it. */
export function newId(): string {
  const random = takeRandom(RANDOM_BYTES);
  const now = Date.now();
  if (now > msecs) {
    msecs = now;
    // 31 bits, which leaves room to count.
    seq = random.readUInt32BE(6) >>> 1;
  } else {
    seq = (seq + 1) | 0;
    if (seq === 0) msecs += 1;
  }
  return v7({ msecs, seq, random });
}

/**
 * A UUIDv7 that sorts after `parentId` whatever this machine's clock says: look-ups of children are bounded by
 * `id >= parent id` so that they touch few partitions, and a worker's clock may be behind that of the API.
 */
export function newIdAfter(parentId: string): string {
  const id = newId();
  return id > parentId ? id : v7({ msecs: timestampOf(parentId) + 1, random: takeRandom(RANDOM_BYTES) });
}

/** The milliseconds since the epoch that a UUIDv7 holds. */
export function timestampOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The least UUID of that time: `id >= boundary(t)` means "made at t or later". */
export function idBoundary(epochMs: number): string {
  const hex = Math.max(0, Math.floor(epochMs)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (text: string): boolean => UUID.test(text);

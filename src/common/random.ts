import { randomFillSync } from 'node:crypto';

/** Filled for hundreds of ids at once: to ask for the bytes of each costs more than the rest of an id. */
const store = Buffer.alloc(4_096);
let used = store.length;

/** @returns random bytes for an id, which stay what they are only until the next turn of the event loop */
export function takeRandom(bytes: number): Buffer {
  if (used + bytes > store.length) {
    randomFillSync(store);
    used = 0;
  }
  used += bytes;
  return store.subarray(used - bytes, used);
}

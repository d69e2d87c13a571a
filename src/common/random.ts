import { randomFillSync } from 'node:crypto';

/** Filled for hundreds of ids at once: to ask for the bytes of each costs more than the rest of an id. */
const store = Buffer.alloc(4_096);
let used = store.length;

/** @returns random bytes for an id, to be used before the next call, which may overwrite them */
export function takeRandom(bytes: number): Buffer {
  if (used + bytes > store.length) {
    randomFillSync(store);
    used = 0;
  }
  used += bytes;
  return store.subarray(used - bytes, used);
}

import { decodeUtf8 } from '../common/utf8.js';

/** The most characters (code points) that an idempotency key, an `event_id` or a `source` may have. */
export const MAX_KEY_CHARACTERS = 255;

// Control characters (NUL among them, which Postgres text can't hold), line and paragraph separators, lone surrogates.
const NOT_PRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** Whether `value` can be an idempotency key or a tenant's own id: 1 to 255 printable characters, any script. */
export function isValidKey(value: string): boolean {
  if (value.length === 0 || value.length > 2 * MAX_KEY_CHARACTERS || NOT_PRINTABLE.test(value)) return false;
  return value.length <= MAX_KEY_CHARACTERS || [...value].length <= MAX_KEY_CHARACTERS;
}

/**
 * Reads an `Idempotency-Key` header as Node hands it over. Node decodes header bytes as Latin-1 (RFC 9110 leaves the
 * charset open), which would turn the UTF-8 of `Ā` into a control character: the bytes are decoded again, as UTF-8.
 *
 * @returns the key, or null when it is empty, too long, not printable or not UTF-8
 */
export function readIdempotencyKey(header: string): string | null {
  const key = decodeUtf8(Buffer.from(header, 'latin1'));
  return key !== null && isValidKey(key) ? key : null;
}

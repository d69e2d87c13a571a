import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const KEY_START = 'ph_';
const SECRET_BYTES = 32;
// The widths that hold any 256-bit and any 32-bit number in base 62: 62^43 > 2^256, 62^6 > 2^32.
const SECRET_WIDTH = 43;
const CHECKSUM_WIDTH = 6;
const PREFIX_LENGTH = 11;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SHAPE = new RegExp(`^${KEY_START}[0-9A-Za-z]{${SECRET_WIDTH + CHECKSUM_WIDTH}}$`);

export interface GeneratedApiKey {
  /** The whole key: shown once, stored nowhere. */
  readonly key: string;
  /** What lists show to tell keys apart: 48 of its 256 random bits. */
  readonly prefix: string;
  /** SHA-256 of the key: what is stored. */
  readonly hash: Buffer;
}

/** A new key: `ph_`, 32 random bytes in base 62, and a CRC32 of all that in base 62. */
export function generateApiKey(): GeneratedApiKey {
  const secret = BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`);
  const unsigned = KEY_START + base62(secret, SECRET_WIDTH);
  const key = unsigned + checksum(unsigned);
  return { key, prefix: key.slice(0, PREFIX_LENGTH), hash: hashApiKey(key) };
}

/**
 * Whether this can be a key: refuses what has not the shape or the checksum before anything is looked up. A CRC32 finds every
 * single wrong character; it protects against typing errors only, the look-up by hash is what authenticates.
 */
export function isApiKey(text: string): boolean {
  return SHAPE.test(text) && text.slice(-CHECKSUM_WIDTH) === checksum(text.slice(0, -CHECKSUM_WIDTH));
}

/** A plain SHA-256 is enough where the input has 256 random bits: there is nothing to guess that salt or cost would slow. */
export function hashApiKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

function checksum(unsigned: string): string {
  return base62(BigInt(crc32(unsigned)), CHECKSUM_WIDTH);
}

function base62(value: bigint, width: number): string {
  let digits = '';
  for (let rest = value; rest > 0n; rest /= 62n) digits = ALPHABET.charAt(Number(rest % 62n)) + digits;
  return digits.padStart(width, '0');
}

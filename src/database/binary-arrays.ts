/**
 * Arrays as PostgreSQL takes them in binary, for the statements of the hot paths. pg writes arrays as text, each element quoted and
 * its quotes searched for, which PostgreSQL parses character by character: of a payload with many quotes that is most of what it costs.
 *
 * The format is that of PostgreSQL's `array_send`: dimensions, whether there are nulls, the elements' type, then length and
 * value of each. A statement has to name the type (`$1::uuid[]`), as PostgreSQL refuses an array of another.
 */

/** Of elements, from `pg_type`: these are the same in every installation. */
const OIDS = {
  bool: 16,
  bytea: 17,
  int4: 23,
  text: 25,
  json: 114,
  float8: 701,
  timestamptz: 1184,
  uuid: 2950,
} as const;

const EMPTY_HEADER_BYTES = 12;
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;

type Nullable<T> = readonly (T | null)[];

function startArray(buffer: Buffer, oid: number, values: Nullable<unknown>): number {
  const hasNulls = values.includes(null);
  buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(hasNulls ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  if (values.length === 0) return EMPTY_HEADER_BYTES;
  buffer.writeInt32BE(values.length, 12);
  // PostgreSQL counts elements from 1.
  buffer.writeInt32BE(1, 16);
  return HEADER_BYTES;
}

/** An array whose elements all take `width` bytes. */
function fixedWidth<T>(
  oid: number,
  width: number,
  values: Nullable<T>,
  write: (buffer: Buffer, value: T, at: number) => void,
): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * (LENGTH_BYTES + width));
  let at = startArray(buffer, oid, values);
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? NULL_LENGTH : width, at);
    if (value === null) continue;
    write(buffer, value, at);
    at += width;
  }
  return buffer.subarray(0, at);
}

function writeInt(buffer: Buffer, value: number, at: number): void {
  // Node itself would write what is no whole number as another one.
  if (value !== (value | 0)) throw new RangeError(`This is no 32-bit integer: ${value}`);
  buffer.writeInt32BE(value, at);
}
const writeFloat = (buffer: Buffer, value: number, at: number): void => void buffer.writeDoubleBE(value, at);
const writeBoolean = (buffer: Buffer, value: boolean, at: number): void => void buffer.writeUInt8(value ? 1 : 0, at);

/** `int4[]`. @throws RangeError for what is no 32-bit integer */
export const ints = (values: Nullable<number>): Buffer => fixedWidth(OIDS.int4, 4, values, writeInt);

/** `float8[]` */
export const floats = (values: Nullable<number>): Buffer => fixedWidth(OIDS.float8, 8, values, writeFloat);

/** `bool[]` */
export const booleans = (values: Nullable<boolean>): Buffer => fixedWidth(OIDS.bool, 1, values, writeBoolean);

/** `timestamptz[]`, to the millisecond. @throws RangeError for an invalid date */
export const times = (values: Nullable<Date>): Buffer => fixedWidth(OIDS.timestamptz, 8, values, writeTime);

/** `uuid[]`. @throws TypeError for what is no UUID in its usual form */
export const uuids = (values: Nullable<string>): Buffer => fixedWidth(OIDS.uuid, 16, values, writeUuid);

const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const TWO_TO_32 = 2 ** 32;

/** Microseconds since 2000, as a 64-bit integer in two halves: a BigInt would be an allocation each. */
function writeTime(buffer: Buffer, value: Date, at: number): void {
  const micros = (value.getTime() - POSTGRES_EPOCH_MS) * 1_000;
  if (Number.isNaN(micros)) throw new RangeError('This is no date.');
  const high = Math.floor(micros / TWO_TO_32);
  buffer.writeInt32BE(high, at);
  buffer.writeUInt32BE(micros - high * TWO_TO_32, at + 4);
}

/** By character code: the digit's value, 255 for what is no digit. */
const HEX_VALUES = new Uint8Array(128).fill(255);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  HEX_VALUES[digit.charCodeAt(0)] = value;
  HEX_VALUES[digit.toUpperCase().charCodeAt(0)] = value;
}
const UUID_LENGTH = 36;
const DASH = '-'.charCodeAt(0);
/** Where each byte's two digits begin, past the dashes. */
const UUID_BYTES_AT = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

function writeUuid(buffer: Buffer, value: string, at: number): void {
  const isInForm =
    value.length === UUID_LENGTH &&
    value.charCodeAt(8) === DASH &&
    value.charCodeAt(13) === DASH &&
    value.charCodeAt(18) === DASH &&
    value.charCodeAt(23) === DASH;
  let wrong = isInForm ? 0 : 255;
  for (let byte = 0; byte < 16; byte++) {
    const from = UUID_BYTES_AT[byte] as number;
    const high = HEX_VALUES[value.charCodeAt(from)] ?? 255;
    const low = HEX_VALUES[value.charCodeAt(from + 1)] ?? 255;
    wrong |= high | low;
    buffer[at + byte] = (high << 4) | low;
  }
  if (wrong > 15) throw new TypeError(`This is no UUID: ${value}`);
}

/** Up to so many characters the room for them is taken at three bytes each, rather than asking each string for its size. */
const SMALL_TEXTS = 64 * 1024;
const MAX_BYTES_A_CHARACTER = 3;

function strings(oid: number, values: Nullable<string>): Buffer {
  let characters = 0;
  for (const value of values) characters += value === null ? 0 : value.length;
  const bytes =
    characters <= SMALL_TEXTS
      ? characters * MAX_BYTES_A_CHARACTER
      : values.reduce((sum, value) => sum + (value === null ? 0 : Buffer.byteLength(value)), 0);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * LENGTH_BYTES + bytes);
  let at = startArray(buffer, oid, values);
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(NULL_LENGTH, at);
      continue;
    }
    const length = buffer.write(value, at + LENGTH_BYTES);
    at = buffer.writeInt32BE(length, at) + length;
  }
  return buffer.subarray(0, at);
}

/** `text[]` */
export const texts = (values: Nullable<string>): Buffer => strings(OIDS.text, values);

/** `json[]`, of JSON texts */
export const jsons = (values: Nullable<string>): Buffer => strings(OIDS.json, values);

/** `bytea[]` */
export function byteas(values: Nullable<Buffer>): Buffer {
  const bytes = values.reduce((sum, value) => sum + (value === null ? 0 : value.length), 0);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * LENGTH_BYTES + bytes);
  let at = startArray(buffer, OIDS.bytea, values);
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? NULL_LENGTH : value.length, at);
    if (value !== null) at += value.copy(buffer, at);
  }
  return buffer.subarray(0, at);
}

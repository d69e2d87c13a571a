import type { FieldError } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { isNestedDeeper } from '../common/json-depth.js';
import { Turn } from '../common/turn.js';
import { decodeUtf8 } from '../common/utf8.js';
import { isOperationalType, isValidEventType, MAX_EVENT_TYPE_LENGTH, OPERATIONAL_PREFIX } from './event-types.js';
import { isValidKey, MAX_KEY_CHARACTERS } from './idempotency-key.js';
import { elementSpans, skipSpace, topLevelMembers, type Span } from './json-spans.js';

/** The largest payload, in bytes of its own text as UTF-8. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;
export const MAX_BATCH_EVENTS = 1000;
export const MAX_ENDPOINT_IDS = 100;
/**
 * Levels of arrays and objects in a payload. Receivers' own parsers stop at 64 (.NET), 100 (Ruby), 512 (PHP) or about
 * 1,000 (Python, Jackson); and 256 KiB of brackets alone cost `JSON.parse` 36 ms, against 6 ms with this limit.
 */
export const MAX_PAYLOAD_DEPTH = 512;

/** An event as its producer published it. `payload` is the JSON text exactly as it was sent. */
export interface PublishEvent {
  readonly eventId: string | null;
  readonly eventType: string;
  readonly source: string | null;
  readonly payload: string;
  /** Lower case, without repetitions; null: every endpoint that wants the type. */
  readonly endpointIds: readonly string[] | null;
}

/** Why a request or one of its events is refused, ready to become an RFC 9457 problem. */
export interface PublishProblem {
  readonly code: 'malformed_json' | 'repeated_key' | 'validation_failed' | 'payload_too_large';
  readonly status: 400 | 413 | 422;
  readonly detail: string;
  readonly errors?: FieldError[];
}

export interface Refused {
  readonly ok: false;
  readonly problem: PublishProblem;
}

export type ParsedPublish = { readonly ok: true; readonly event: PublishEvent } | Refused;

/** `items` in the order sent, each with its own outcome; `ok: false` only when the request as a whole is unusable. */
export type ParsedBatch = { readonly ok: true; readonly items: readonly ParsedPublish[] } | Refused;

const EVENT_FIELDS = new Set(['event_id', 'event_type', 'source', 'payload', 'endpoint_ids']);
// A refusal is for a person to read: the first few errors, and of a name only as much as identifies it.
const MAX_REPORTED_ERRORS = 20;
const MAX_REPORTED_NAME_LENGTH = 64;
// More than any valid field but the payload takes, 255 characters written as escapes or 100 ids with generous white space.
const MAX_FIELD_LENGTH = 16 * 1024;
const NO_UTF8 = 'The body is not valid UTF-8.';
const NO_JSON = 'The body is not valid JSON.';

/** Reads the body of `POST /events`. Never throws: whatever is wrong with the body is the result's problem. */
export function parsePublishRequest(body: Buffer): ParsedPublish {
  const text = decodeUtf8(body);
  return text === null ? malformed(NO_UTF8) : readEvent(text, { start: 0, end: text.length }, 'body');
}

/**
 * Reads the body of `POST /events/batch`. Rejects never: whatever is wrong with the body is the result's problem.
 *
 * The body is never parsed as a whole: 10 MiB of JSON can keep `JSON.parse` for seconds, and all other requests with it.
 * The scanner finds the events, each is parsed by itself, and others get their turn in between. That the body is valid
 * follows from its parts: its events are, and so is the rest with a `0` in place of each. (A digit can't hide a missing
 * comma: `00` is no number.)
 */
export async function parseBatchRequest(body: Buffer): Promise<ParsedBatch> {
  const turn = new Turn();
  const text = decodeUtf8(body);
  if (text === null) return malformed(NO_UTF8);
  await turn.yieldIfLong();
  try {
    return await readBatch(text, turn);
  } catch (error) {
    if (isOfScanner(error)) return malformed(NO_JSON);
    throw error;
  }
}

async function readBatch(text: string, turn: Turn): Promise<ParsedBatch> {
  if (!opensObject(text, 0)) return malformedOr(noObject('body'), text, { start: 0, end: text.length });
  const members = readMembers(text, 0, new Set(['events']));
  if (!members.ok) return members;
  const { errors } = members;
  const events = members.spans.get('events');
  if (events === undefined || text[events.start] !== '[') errors.push({ field: 'events', message: 'must be an array' });
  if (events === undefined || errors.length > 0) return invalid(errors);

  const items: ParsedPublish[] = [];
  const between: string[] = [];
  let behind = 0;
  for (const span of elementSpans(text, events.start)) {
    await turn.yieldIfLong();
    if (items.length === MAX_BATCH_EVENTS) return wrongCount();
    const item = readEvent(text, span, `events[${items.length}]`);
    // One bad event never spoils the others, but what is no JSON has no events.
    if (!item.ok && item.problem.code === 'malformed_json') return item;
    items.push(item);
    between.push(text.slice(behind, span.start));
    behind = span.end;
  }
  between.push(text.slice(behind));
  if (parseJson(between.join('0')) === undefined) return malformed(NO_JSON);
  return items.length === 0 ? wrongCount() : { ok: true, items };
}

function readEvent(text: string, span: Span, name: string): ParsedPublish {
  const result = readSoundEvent(text, span, name);
  return result.ok ? result : malformedOr(result, text, span);
}

/** Malformed JSON is told before all else, save where the text would cost more to parse than any valid event. */
function malformedOr(refused: Refused, text: string, { start, end }: Span): Refused {
  const own = text.slice(start, end);
  const isCheap = own.length <= MAX_PAYLOAD_BYTES && !isNestedDeeper(own, MAX_PAYLOAD_DEPTH);
  return isCheap && parseJson(own) === undefined ? malformed(NO_JSON) : refused;
}

/** The small fields come from the parsed event, the payload from its span in `text`: it never leaves its written form. */
function readSoundEvent(text: string, span: Span, name: string): ParsedPublish {
  if (!opensObject(text, span.start)) return noObject(name);
  let members: Members;
  try {
    members = readMembers(text, span.start, EVENT_FIELDS);
  } catch (error) {
    if (isOfScanner(error)) return malformed(NO_JSON);
    throw error;
  }
  if (!members.ok) return members;

  const payloadSpan = members.spans.get('payload');
  const payload = payloadSpan && text.slice(payloadSpan.start, payloadSpan.end);
  if (payload !== undefined && isTooLarge(payload)) {
    const detail = `The payload is larger than ${MAX_PAYLOAD_BYTES} bytes.`;
    return { ok: false, problem: { code: 'payload_too_large', status: 413, detail } };
  }
  const unread = unreadableMembers(members.spans, payload);
  if (unread.length > 0) return invalid([...members.errors, ...unread]);

  const value = parseJson(text.slice(span.start, span.end)) as Record<string, unknown> | undefined;
  if (value === undefined) return malformed(NO_JSON);
  const { errors } = members;
  const eventType = readEventType(value['event_type'], errors);
  const eventId = readKey(value['event_id'], 'event_id', errors);
  const source = readKey(value['source'], 'source', errors);
  const endpointIds = readEndpointIds(value['endpoint_ids'], errors);
  if (payload === undefined) errors.push({ field: 'payload', message: 'is required' });
  if (payload === undefined || errors.length > 0) return invalid(errors);
  return { ok: true, event: { eventId, eventType, source, payload, endpointIds } };
}

/** Counting bytes is needed only where characters could be several. */
const isTooLarge = (payload: string): boolean =>
  payload.length > MAX_PAYLOAD_BYTES || Buffer.byteLength(payload, 'utf8') > MAX_PAYLOAD_BYTES;

/** What would cost more to parse than anything valid does. */
function unreadableMembers(spans: ReadonlyMap<string, Span>, payload: string | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, { start, end }] of spans) {
    if (key !== 'payload' && end - start > MAX_FIELD_LENGTH) {
      errors.push({ field: shorten(key), message: `is longer than ${MAX_FIELD_LENGTH} characters` });
    }
  }
  // Below two brackets a level there can't be too many of them.
  if (payload !== undefined && payload.length > 2 * MAX_PAYLOAD_DEPTH && isNestedDeeper(payload, MAX_PAYLOAD_DEPTH)) {
    errors.push({ field: 'payload', message: `is nested deeper than ${MAX_PAYLOAD_DEPTH} levels` });
  }
  return errors;
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const opensObject = (text: string, start: number): boolean => text[skipSpace(text, start)] === '{';

/** The scanner gives up on a text that breaks off, and on a key whose escapes are none. */
const isOfScanner = (error: unknown): boolean => error instanceof RangeError || error instanceof SyntaxError;

type Members = { readonly ok: true; readonly spans: Map<string, Span>; readonly errors: FieldError[] } | Refused;

/**
 * The spans of an object's members by key. The keys come from the scanner and not from the parsed object, which keeps
 * only the last of two equal keys: one reader would take the first, another the last.
 */
function readMembers(text: string, start: number, known: ReadonlySet<string>): Members {
  const spans = new Map<string, Span>();
  const errors: FieldError[] = [];
  for (const member of topLevelMembers(text, start)) {
    if (spans.has(member.key)) {
      const detail = `The key ${JSON.stringify(shorten(member.key))} occurs more than once.`;
      return { ok: false, problem: { code: 'repeated_key', status: 400, detail } };
    }
    spans.set(member.key, member);
    if (!known.has(member.key)) errors.push({ field: shorten(member.key), message: 'is not a known field' });
    if (errors.length === MAX_REPORTED_ERRORS) return invalid(errors);
  }
  return { ok: true, spans, errors };
}

function readEventType(value: unknown, errors: FieldError[]): string {
  const field = 'event_type';
  if (value === undefined) {
    errors.push({ field, message: 'is required' });
  } else if (typeof value !== 'string' || !isValidEventType(value)) {
    const rule = 'segments of letters, digits and underscores joined by full stops';
    errors.push({ field, message: `must be ${rule}, at most ${MAX_EVENT_TYPE_LENGTH} characters` });
  } else if (isOperationalType(value)) {
    errors.push({ field, message: `must not begin with ${OPERATIONAL_PREFIX}, which is reserved` });
  } else {
    return value;
  }
  return '';
}

/** Null means absent, so that an event read from the API can be published again as it is. */
function readKey(value: unknown, field: string, errors: FieldError[]): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && isValidKey(value)) return value;
  errors.push({ field, message: `must be a string of 1 to ${MAX_KEY_CHARACTERS} printable characters` });
  return null;
}

function readEndpointIds(value: unknown, errors: FieldError[]): string[] | null {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value) && value.length >= 1 && value.length <= MAX_ENDPOINT_IDS && value.every(isEndpointId)) {
    return [...new Set(value.map((id) => id.toLowerCase()))];
  }
  errors.push({ field: 'endpoint_ids', message: `must be an array of 1 to ${MAX_ENDPOINT_IDS} endpoint ids` });
  return null;
}

function isEndpointId(value: unknown): value is string {
  return typeof value === 'string' && isUuid(value);
}

function shorten(name: string): string {
  return name.length <= MAX_REPORTED_NAME_LENGTH ? name : `${name.slice(0, MAX_REPORTED_NAME_LENGTH)}…`;
}

const noObject = (field: string): Refused => invalid([{ field, message: 'must be a JSON object' }]);

const wrongCount = (): Refused => invalid([{ field: 'events', message: `must hold 1 to ${MAX_BATCH_EVENTS} events` }]);

function malformed(detail: string): Refused {
  return { ok: false, problem: { code: 'malformed_json', status: 400, detail } };
}

function invalid(errors: FieldError[]): Refused {
  const detail = 'The request has invalid fields.';
  return { ok: false, problem: { code: 'validation_failed', status: 422, detail, errors } };
}

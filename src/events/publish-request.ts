import type { FieldError } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { decodeUtf8 } from '../common/utf8.js';
import { isOperationalType, isValidEventType, MAX_EVENT_TYPE_LENGTH, OPERATIONAL_PREFIX } from './event-types.js';
import { isValidKey, MAX_KEY_CHARACTERS } from './idempotency-key.js';
import { elementSpans, topLevelMembers, type Span } from './json-spans.js';

/** The largest payload, in bytes of its own text as UTF-8. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;
export const MAX_BATCH_EVENTS = 1000;
export const MAX_ENDPOINT_IDS = 100;

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

/** Reads the body of `POST /events`. Never throws: whatever is wrong with the body is the result's problem. */
export function parsePublishRequest(body: Buffer): ParsedPublish {
  const parsed = parseJson(body);
  return parsed.ok ? readEvent(parsed.value, parsed.text, 0, 'body') : parsed;
}

/** Reads the body of `POST /events/batch`. Never throws: whatever is wrong with the body is the result's problem. */
export function parseBatchRequest(body: Buffer): ParsedBatch {
  const parsed = parseJson(body);
  if (!parsed.ok) return parsed;
  const { value, text } = parsed;
  if (!isObject(value)) return invalid([{ field: 'body', message: 'must be a JSON object' }]);

  const members = readMembers(text, 0, new Set(['events']));
  if (!members.ok) return members;
  const eventsSpan = members.spans.get('events');
  const events = value['events'];
  if (eventsSpan === undefined || !Array.isArray(events)) {
    return invalid([...members.errors, { field: 'events', message: 'must be an array' }]);
  }
  if (events.length === 0 || events.length > MAX_BATCH_EVENTS) {
    return invalid([...members.errors, { field: 'events', message: `must hold 1 to ${MAX_BATCH_EVENTS} events` }]);
  }
  if (members.errors.length > 0) return invalid(members.errors);

  const elements = events as readonly unknown[];
  const items = elementSpans(text, eventsSpan.start).map((span, index) =>
    readEvent(elements[index], text, span.start, `events[${index}]`),
  );
  return { ok: true, items };
}

/**
 * The small fields come from `value`, the payload from its span in `text`: the text is parsed only once and the
 * payload never leaves its written form.
 */
function readEvent(value: unknown, text: string, start: number, name: string): ParsedPublish {
  if (!isObject(value)) return invalid([{ field: name, message: 'must be a JSON object' }]);
  const members = readMembers(text, start, EVENT_FIELDS);
  if (!members.ok) return members;

  const { errors } = members;
  const eventType = readEventType(value['event_type'], errors);
  const eventId = readKey(value['event_id'], 'event_id', errors);
  const source = readKey(value['source'], 'source', errors);
  const endpointIds = readEndpointIds(value['endpoint_ids'], errors);
  const payloadSpan = members.spans.get('payload');
  if (payloadSpan === undefined) errors.push({ field: 'payload', message: 'is required' });
  if (payloadSpan === undefined || errors.length > 0) return invalid(errors);

  const payload = text.slice(payloadSpan.start, payloadSpan.end);
  if (Buffer.byteLength(payload, 'utf8') > MAX_PAYLOAD_BYTES) {
    const detail = `The payload is larger than ${MAX_PAYLOAD_BYTES} bytes.`;
    return { ok: false, problem: { code: 'payload_too_large', status: 413, detail } };
  }
  return { ok: true, event: { eventId, eventType, source, payload, endpointIds } };
}

type ParsedJson = { readonly ok: true; readonly value: unknown; readonly text: string } | Refused;

function parseJson(body: Buffer): ParsedJson {
  const text = decodeUtf8(body);
  if (text === null) return malformed('The body is not valid UTF-8.');
  try {
    return { ok: true, value: JSON.parse(text) as unknown, text };
  } catch {
    return malformed('The body is not valid JSON.');
  }
}

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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(name: string): string {
  return name.length <= MAX_REPORTED_NAME_LENGTH ? name : `${name.slice(0, MAX_REPORTED_NAME_LENGTH)}…`;
}

function malformed(detail: string): Refused {
  return { ok: false, problem: { code: 'malformed_json', status: 400, detail } };
}

function invalid(errors: FieldError[]): Refused {
  const detail = 'The request has invalid fields.';
  return { ok: false, problem: { code: 'validation_failed', status: 422, detail, errors } };
}

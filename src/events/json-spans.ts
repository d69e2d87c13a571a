import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../common/json-characters.js';

/**
 * Finds where values lie inside a JSON text, so that a payload can be kept as the producer wrote it:
 * `JSON.stringify(JSON.parse(x))` loses key order, white space, `1.0` and integers beyond 2^53, and Node 20's
 * `JSON.parse` has no access to a value's source text.
 *
 * Every function here is right about a text that `JSON.parse` accepts, and ends on any other, with spans or with an
 * error: it finds the parts, and whether they are valid is for `JSON.parse` to say. None of them recurses: nesting is a
 * depth counter, so that a hostile body of 100,000 brackets can't exhaust the stack.
 */

/** A value's own text is `text.slice(start, end)`, without the white space around it. Offsets are UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One member of an object: its decoded key (`"p\u0061yload"` is `payload`) and the span of its value. */
export interface MemberSpan extends Span {
  readonly key: string;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const COMMA = 0x2c;

/**
 * The members of the object whose text begins at `start` (white space before it is skipped), in the order written,
 * repeated keys included. Lazy, so that a caller who has seen enough need not walk a million members.
 *
 * @throws RangeError when the text there is no object or breaks off
 */
export function* topLevelMembers(text: string, start = 0): Generator<MemberSpan, void, undefined> {
  let at = skipSpace(text, enter(text, start, OPEN_BRACE));
  while (text.charCodeAt(at) !== CLOSE_BRACE) {
    const keyEnd = endOfString(text, at);
    const key = decodeKey(text.slice(at, keyEnd));
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueStart);
    yield { key, start: valueStart, end: valueEnd };
    at = nextItem(text, valueEnd);
  }
}

/**
 * The elements of the array whose text begins at `start` (white space before it is skipped), in order. Lazy as well.
 *
 * @throws RangeError when the text there is no array or breaks off
 */
export function* elementSpans(text: string, start = 0): Generator<Span, void, undefined> {
  let at = skipSpace(text, enter(text, start, OPEN_BRACKET));
  while (text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = endOfValue(text, at);
    yield { start: at, end };
    at = nextItem(text, end);
  }
}

function enter(text: string, start: number, opening: number): number {
  const at = skipSpace(text, start);
  if (text.charCodeAt(at) !== opening) {
    throw new RangeError(`expected ${String.fromCharCode(opening)} at offset ${at}`);
  }
  return at + 1;
}

/** From behind a value to the next one, or to the bracket that closes the container. */
function nextItem(text: string, valueEnd: number): number {
  const at = skipSpace(text, valueEnd);
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at;
}

function isSpace(code: number): boolean {
  return code === SPACE || code === LINE_FEED || code === CARRIAGE_RETURN || code === TAB;
}

/** The index of the first character from `from` on that is no white space of JSON. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function endOfValue(text: string, start: number): number {
  switch (text.charCodeAt(start)) {
    case QUOTE:
      return endOfString(text, start);
    case OPEN_BRACE:
    case OPEN_BRACKET:
      return endOfContainer(text, start);
    default:
      return endOfScalar(text, start);
  }
}

/** The index behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1) {
    // A quote ends the string unless an odd number of backslashes stands before it. Each run of backslashes is
    // counted once, so this stays linear, and `indexOf` passes over long text much faster than a loop does.
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  throw new RangeError(`unterminated string at offset ${start}`);
}

function endOfContainer(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        continue;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        if (depth === 0) return at + 1;
        break;
      default:
    }
    at++;
  }
  throw new RangeError(`unterminated value at offset ${start}`);
}

function endOfScalar(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)) break;
    at++;
  }
  if (at === start) throw new RangeError(`expected a value at offset ${start}`);
  return at;
}

function decodeKey(literal: string): string {
  return literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1);
}

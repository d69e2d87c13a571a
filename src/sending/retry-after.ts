/** The longest wait that a receiver can ask for, in seconds. */
export const MAX_RETRY_AFTER_SECONDS = 3_600;

// The three forms of RFC 9110, section 5.6.7. `Date.parse` alone would take "5 bananas" for a date.
const HTTP_DATE =
  /^(?:[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT|[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4})$/;

/** Milliseconds since 1970 of an HTTP date (RFC 9110, section 5.6.7), or null. */
export function parseHttpDate(value: string): number | null {
  if (!HTTP_DATE.test(value)) return null;
  // The asctime form names no zone; it means UTC, where `Date.parse` would take the machine's.
  const ms = Date.parse(value.endsWith('GMT') ? value : `${value} GMT`);
  return Number.isNaN(ms) ? null : ms;
}

/**
 * Seconds to wait that a `Retry-After` header asks for (RFC 9110, section 10.2.3: whole seconds or an HTTP date), 0 to
 * {@link MAX_RETRY_AFTER_SECONDS}. Null when there is none or it can't be read; a date in the past means 0.
 * @param nowMs what a date is counted from: best the response's own `Date`, so that no clock of ours matters.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text), MAX_RETRY_AFTER_SECONDS);
  const dateMs = parseHttpDate(text);
  if (dateMs === null) return null;
  return Math.min(Math.max(0, Math.ceil((dateMs - nowMs) / 1000)), MAX_RETRY_AFTER_SECONDS);
}

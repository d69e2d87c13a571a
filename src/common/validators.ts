import { Transform } from 'class-transformer';
import { isISO8601, ValidateBy, ValidateIf } from 'class-validator';

// Control characters (NUL among them, which PostgreSQL's text can't hold) and lone surrogates (which UTF-8 can't).
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
const UNPRINTABLE_IN_LINES = /[^\P{Cc}\t\n\r]|\p{Cs}/u;

export interface PrintableOptions {
  /** In characters (code points). Default 1. */
  readonly min?: number;
  /** In characters (code points). */
  readonly max: number;
  /** Line breaks and tabs are allowed. */
  readonly lines?: boolean;
}

/** A string of `min` to `max` characters that can be stored and shown: no control characters, no lone surrogates. */
export function IsPrintable({ min = 1, max, lines = false }: PrintableOptions): PropertyDecorator {
  const unprintable = lines ? UNPRINTABLE_IN_LINES : UNPRINTABLE;
  const fits = (value: unknown): boolean => {
    if (typeof value !== 'string' || value.length > 2 * max || unprintable.test(value)) return false;
    const length = [...value].length;
    return length <= max && length >= min && (min === 0 || value.trim() !== '');
  };
  const message = `must be a string of ${min} to ${max} printable characters`;
  return ValidateBy({ name: 'isPrintable', validator: { validate: fits, defaultMessage: () => message } });
}

/** A whole number within bounds, told in one sentence whatever is wrong with it. A number in a string is none. */
export function IsWholeNumber(min: number, max: number): PropertyDecorator {
  const fits = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
  const message = `must be a whole number from ${min} to ${max}`;
  return ValidateBy({ name: 'isWholeNumber', validator: { validate: fits, defaultMessage: () => message } });
}

const ZONED = /(?:Z|[+-]\d\d:?\d\d)$/i;

/** A date and time of ISO 8601 with its time zone: without one it would mean another instant on each server. */
export function isTimestamp(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    isISO8601(value, { strict: true, strictSeparator: true }) &&
    ZONED.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

export function IsTimestamp(): PropertyDecorator {
  const message = 'must be an ISO 8601 time with its time zone, such as 2026-01-31T12:00:00Z';
  return ValidateBy({ name: 'isTimestamp', validator: { validate: isTimestamp, defaultMessage: () => message } });
}

/** May be left out, but is not null: `IsOptional` lets both pass, and a PATCH has to tell them apart. */
export const IfPresent = (): PropertyDecorator => ValidateIf((_object, value) => value !== undefined);

/** The JSON value as it was sent; class-transformer would copy nested objects and lose some of their keys. */
export const AsSent = (): PropertyDecorator =>
  Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => obj[key]);

import type { ApiPropertyOptions } from '@nestjs/swagger';

/**
 * The JSON of `object` with one more member whose value is `json` as it is written: a payload is shown byte for byte, where
 * parsing and writing it again would change `1.0` and large integers.
 * @param json valid JSON
 */
export function withRawMember(object: object, name: string, json: string): string {
  const rest = JSON.stringify(object).slice(0, -1);
  return `${rest}${rest === '{' ? '' : ','}${JSON.stringify(name)}:${json}}`;
}

/** For answers that are JSON text already: a string without it would be sent as plain text. */
export const JSON_CONTENT_TYPE = 'application/json; charset=utf-8';

/** How a payload is documented: any JSON value. */
export const PAYLOAD_PROPERTY = {
  nullable: true,
  oneOf: [
    { type: 'object', additionalProperties: true },
    { type: 'array', items: {} },
    { type: 'string' },
    { type: 'number' },
    { type: 'boolean' },
  ],
  description: 'Any JSON value, byte for byte as it was published.',
  example: { order: 1001, total: 1.5 },
} as const satisfies ApiPropertyOptions;

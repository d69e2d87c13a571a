import { memberText } from './pretty';

/** An answer with its payload's own text: as a value its long numbers would be rounded. */
export function withPayloadText<T>(json: string): T & { payloadText: string } {
  return { ...(JSON.parse(json) as T), payloadText: memberText(json, 'payload') ?? 'null' };
}

import type { StreamedAttemptDto } from './streamed-attempt.dto.js';

/** Workers tell of attempts here, to whichever API processes have a reader. */
export const ATTEMPTS_CHANNEL = 'posthaste_attempts';
/** API processes name here the tenants that have readers, again and again while they have. */
export const READERS_CHANNEL = 'posthaste_readers';
/** A worker that has just come to listen asks here who has readers. */
export const ROLL_CALL_CHANNEL = 'posthaste_roll_call';

export type StreamedAttempt = StreamedAttemptDto;

export interface AttemptMessage {
  tenantId: string;
  attempts: StreamedAttempt[];
  /** How many more there were, of which only the number is told. */
  skipped: number;
}

/** PostgreSQL takes less than 8,000 bytes a notification. */
const MAX_MESSAGE_BYTES = 7_800;
const MAX_ERROR_LENGTH = 300;

/** In as few notifications as they fit into; what was skipped is told with the last. */
export function encodeMessages({ tenantId, attempts, skipped }: AttemptMessage): string[] {
  const texts = attempts.map((attempt) =>
    JSON.stringify({ ...attempt, error: attempt.error?.slice(0, MAX_ERROR_LENGTH) ?? null }),
  );
  const messages: string[] = [];
  const push = (chunk: string[], more: number): void => {
    messages.push(`{"tenantId":"${tenantId}","skipped":${more},"attempts":[${chunk.join(',')}]}`);
  };
  let chunk: string[] = [];
  let bytes = 100;
  for (const text of texts) {
    const length = Buffer.byteLength(text) + 1;
    if (bytes + length > MAX_MESSAGE_BYTES) {
      push(chunk, 0);
      chunk = [];
      bytes = 100;
    }
    chunk.push(text);
    bytes += length;
  }
  if (chunk.length > 0 || skipped > 0) push(chunk, skipped);
  return messages;
}

/** What processes of this version write; another version's may be something else. */
export function decodeMessage(text: string): AttemptMessage | null {
  try {
    const message = JSON.parse(text) as Partial<AttemptMessage>;
    const { tenantId, attempts, skipped } = message;
    if (typeof tenantId !== 'string' || !Array.isArray(attempts) || typeof skipped !== 'number') return null;
    return { tenantId, attempts, skipped };
  } catch {
    return null;
  }
}

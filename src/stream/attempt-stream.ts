import { Readable } from 'node:stream';
import type { StreamedAttempt } from './attempt-message.js';

/** A reader that leaves so much unread is cut off; its browser comes back by itself. */
const MAX_UNREAD_BYTES = 256 * 1024;
const RETRY_MS = 2_000;

/** One reader: text/event-stream, as the HTML standard has it. */
export class AttemptStream {
  readonly body = new Readable({ read: () => undefined });

  constructor() {
    // Also the first bytes of the answer, so that the reader knows at once that it is there.
    this.write(`retry: ${RETRY_MS}\n\n`);
  }

  sendAttempt(attempt: StreamedAttempt): void {
    this.write(`id: ${attempt.id}\nevent: attempt\ndata: ${JSON.stringify(attempt)}\n\n`);
  }

  /** That more happened than is shown. */
  sendSkipped(count: number): void {
    this.write(`event: sample\ndata: ${JSON.stringify({ skipped: count })}\n\n`);
  }

  /** That what happened since the reader's last attempt is not known here any more. */
  sendGap(): void {
    this.write('event: gap\ndata: {}\n\n');
  }

  /** Proxies end connections on which nothing happens. */
  sendHeartbeat(): void {
    this.write(': still here\n\n');
  }

  /** For good: the reason is for people. */
  end(reason: string): void {
    if (this.body.destroyed || this.body.readableEnded) return;
    this.body.push(`event: end\ndata: ${JSON.stringify({ reason })}\n\n`);
    this.body.push(null);
  }

  private write(text: string): void {
    if (this.body.destroyed) return;
    this.body.push(text);
    if (this.body.readableLength > MAX_UNREAD_BYTES) this.body.destroy();
  }
}

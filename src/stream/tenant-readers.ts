import type { AttemptMessage, StreamedAttempt } from './attempt-message.js';
import type { AttemptStream } from './attempt-stream.js';
import { Sample } from './sample.js';

/** So much of the last is kept for a reader who was gone for a moment. */
const KEPT_ATTEMPTS = 500;

/** The readers of one tenant at this process, and what they have seen last. */
export class TenantReaders {
  private readonly streams = new Set<AttemptStream>();
  private readonly kept: StreamedAttempt[] = [];
  /** Each worker has its own; what twenty of them tell together would be too much again. */
  private readonly sample = new Sample();
  private leftAt: number | null = null;

  get count(): number {
    return this.streams.size;
  }

  /** Since when there is no reader, on the monotonic clock; null while there is one. */
  get emptySince(): number | null {
    return this.leftAt;
  }

  /** @param lastEventId the last attempt that the reader has seen, null for a new one */
  add(stream: AttemptStream, lastEventId: string | null): void {
    this.streams.add(stream);
    this.leftAt = null;
    if (lastEventId === null) return;
    const seen = this.kept.findLastIndex(({ id }) => id === lastEventId);
    if (seen === -1) stream.sendGap();
    else for (const attempt of this.kept.slice(seen + 1)) stream.sendAttempt(attempt);
  }

  remove(stream: AttemptStream): void {
    this.streams.delete(stream);
    if (this.streams.size === 0) this.leftAt = performance.now();
  }

  tell(message: AttemptMessage): void {
    for (const attempt of message.attempts) this.sample.add(attempt);
    const { attempts, skipped: more } = this.sample.take();
    const skipped = message.skipped + more;
    this.kept.push(...attempts);
    if (this.kept.length > KEPT_ATTEMPTS) this.kept.splice(0, this.kept.length - KEPT_ATTEMPTS);
    for (const stream of this.streams) {
      for (const attempt of attempts) stream.sendAttempt(attempt);
      if (skipped > 0) stream.sendSkipped(skipped);
    }
  }

  /** What was told while this process didn't hear is lost to all of them. */
  tellGap(): void {
    this.kept.length = 0;
    for (const stream of this.streams) stream.sendGap();
  }

  end(reason: string): void {
    for (const stream of this.streams) stream.end(reason);
  }
}

import type { StreamedAttempt } from './attempt-message.js';

/**
 * What a worker tells of one tenant at most, a second, and an API process its readers of what all workers tell: more than
 * anybody can read, and little enough to be cheap and to be drawn.
 */
export const TOLD_PER_SECOND = 50;

/** One tenant's attempts since the last flush: the first of them, and how many more there were. */
export class Sample {
  private attempts: StreamedAttempt[] = [];
  private skipped = 0;
  private tokens = TOLD_PER_SECOND;
  private refilledAt: number;

  /** @param now the monotonic clock, in ms */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.refilledAt = now();
  }

  get isEmpty(): boolean {
    return this.attempts.length === 0 && this.skipped === 0;
  }

  add(attempt: StreamedAttempt): void {
    const now = this.now();
    this.tokens = Math.min(TOLD_PER_SECOND, this.tokens + ((now - this.refilledAt) / 1_000) * TOLD_PER_SECOND);
    this.refilledAt = now;
    if (this.tokens < 1) {
      this.skipped += 1;
      return;
    }
    this.tokens -= 1;
    this.attempts.push(attempt);
  }

  take(): { attempts: StreamedAttempt[]; skipped: number } {
    const { attempts, skipped } = this;
    this.attempts = [];
    this.skipped = 0;
    return { attempts, skipped };
  }
}

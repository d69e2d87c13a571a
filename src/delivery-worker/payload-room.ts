/** What a payload is taken for until it is loaded, in characters: half the longest. */
const EXPECTED = 128 * 1024;

/**
 * How much of payloads a worker holds at once. Places are many, because a delivery that waits for its receiver costs next to
 * nothing; as many of the largest payloads would cost more memory than a container has.
 */
export class PayloadRoom {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  /** @param size in characters of payloads, each of which is in memory some three times while it is sent */
  constructor(size: number) {
    this.free = Math.max(size, EXPECTED);
  }

  /**
   * Runs a task when there is room for another payload, in the order in which they came.
   * @param task tells the length of its payload once it knows it
   */
  async run(task: (holds: (length: number) => void) => Promise<void>): Promise<void> {
    // Not past those that wait, even where a smaller one would fit.
    if (this.waiting.length === 0 && this.free >= EXPECTED) this.free -= EXPECTED;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    let held = EXPECTED;
    const holds = (length: number): void => {
      this.giveBack(held - length);
      held = length;
    };
    try {
      await task(holds);
    } finally {
      holds(0);
    }
  }

  /** @param size negative where a payload turned out longer than expected */
  private giveBack(size: number): void {
    this.free += size;
    while (this.free >= EXPECTED) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.free -= EXPECTED;
      next();
    }
  }
}

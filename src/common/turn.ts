import { setImmediate as nextTurn } from 'node:timers/promises';

/** Long enough that giving way costs nothing, short enough that nobody notices the wait. */
const TURN_MS = 10;

/** A long piece of work's share of the event loop: it gives way between its steps, so that others wait for a step only. */
export class Turn {
  private since = performance.now();

  /** To be awaited between steps; at once while the turn lasts. */
  yieldIfLong(): Promise<void> | undefined {
    return performance.now() - this.since < TURN_MS ? undefined : this.giveWay();
  }

  private async giveWay(): Promise<void> {
    await nextTurn();
    this.since = performance.now();
  }
}

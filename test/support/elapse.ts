import { setTimeout as delay } from 'node:timers/promises';

/** A timer alone can fire early: it counts from when the event loop last looked at the clock. */
export async function elapse(ms: number): Promise<void> {
  const due = performance.now() + ms;
  while (performance.now() < due) await delay(due - performance.now());
}

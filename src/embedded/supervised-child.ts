import { setTimeout as delay } from 'node:timers/promises';
import { Child, type ChildExit, type ChildOptions, describeExit } from './child-process.js';
import { LaunchError } from './launch-error.js';
import { waitUntilReady } from './readiness.js';

const READY_TIMEOUT_MS = 60_000;
const MAX_RESTARTS = 5;
/** A process that ran so long has recovered: its earlier restarts no longer count. */
const STABLE_AFTER_MS = 60_000;

export interface SupervisedOptions extends ChildOptions {
  /** As it is called in messages: `API`, `worker`. */
  name: string;
  readyUrl: string;
  /** Called once, when it ended too often to be started again. */
  onGivenUp: (reason: LaunchError) => void;
}

/** A child that is started again when it ends by itself, a bounded number of times in a row. */
export class SupervisedChild {
  private child: Child | undefined;
  private restarts = 0;
  private readonly ended = new AbortController();

  constructor(private readonly options: SupervisedOptions) {}

  /** @throws LaunchError when it ends before it is ready, or is not ready in time. */
  async start(): Promise<void> {
    const child = new Child(this.options);
    this.child = child;
    const early = child.exited.then((exit) => {
      throw new LaunchError(`The ${this.options.name} did not start (${describeExit(exit)}): see its lines above.`);
    });
    await Promise.race([early, waitUntilReady(this.options.readyUrl, READY_TIMEOUT_MS, this.ended.signal)]);
    this.supervise(child, Date.now());
  }

  /** Asks it to finish and waits up to `graceMs`; it is not started again. Does nothing when it does not run. */
  async stop(graceMs: number): Promise<void> {
    this.ended.abort();
    await this.child?.stop(graceMs);
  }

  kill(): void {
    this.ended.abort();
    this.child?.kill();
  }

  private supervise(child: Child, startedAt: number): void {
    void child.exited.then((exit) => this.restart(exit, startedAt));
  }

  private async restart(exit: ChildExit, startedAt: number): Promise<void> {
    if (this.ended.signal.aborted) return;
    const { name, print, onGivenUp } = this.options;
    if (Date.now() - startedAt >= STABLE_AFTER_MS) this.restarts = 0;
    if (this.restarts >= MAX_RESTARTS) {
      onGivenUp(
        new LaunchError(`The ${name} ended ${MAX_RESTARTS + 1} times in a row (${describeExit(exit)}). Giving up.`),
      );
      return;
    }
    this.restarts += 1;
    // 0.25, 0.5, 1, 2, 4 s: quick after a single crash, and about 8 s for what it depends on to come back.
    const waitMs = 250 * 2 ** (this.restarts - 1);
    print(
      `The ${name} ended unexpectedly (${describeExit(exit)}); starting it again (${this.restarts} of ${MAX_RESTARTS}).`,
    );
    await delay(waitMs, undefined, { signal: this.ended.signal }).catch(() => undefined);
    if (this.ended.signal.aborted) return;
    this.child = new Child(this.options);
    this.supervise(this.child, Date.now());
  }
}

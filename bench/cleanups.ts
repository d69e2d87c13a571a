/** What was started and must be stopped again, newest first, at the end of a scenario or at a Ctrl-C in its middle. */
export class Cleanups {
  private readonly steps: (() => Promise<unknown>)[] = [];
  private closed = false;
  private running: Promise<void> = Promise.resolve();

  /**
   * @param starting registered before it is done: what is still starting at a Ctrl-C must be stopped as well
   * @throws Error when everything has been stopped meanwhile; what was just started is, too
   */
  async add<T>(starting: Promise<T>, stop: (started: T) => unknown): Promise<T> {
    const step = async (): Promise<void> => {
      const started = await starting.then(
        (value) => ({ value }),
        () => undefined,
      );
      if (started !== undefined) await stop(started.value);
    };
    if (this.closed) await step();
    else this.steps.push(step);
    const started = await starting;
    if (this.closed) throw new Error('Stopped.');
    return started;
  }

  /** May be called again while it runs: each step is taken once, and whoever calls waits until the last is done. */
  run(): Promise<void> {
    this.closed = true;
    this.running = this.running.catch(() => undefined).then(() => this.takeSteps());
    return this.running;
  }

  private async takeSteps(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) await step();
  }
}

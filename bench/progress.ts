const WIDTH = 24;
const REDRAW_MS = 100;
const LINE_MS = 5_000;

/** Where a scenario stands: a bar that is redrawn on a terminal, a line now and then elsewhere. */
export class Progress {
  private shownAt = 0;
  private lastPhase = '';
  private drawn = false;

  constructor(private readonly output: NodeJS.WriteStream) {}

  /** @param done 0 to 1 */
  show(scenario: string, phase: string, done: number, figures = ''): void {
    const now = performance.now();
    const news = phase !== this.lastPhase;
    if (!news && now - this.shownAt < (this.output.isTTY ? REDRAW_MS : LINE_MS)) return;
    this.shownAt = now;
    this.lastPhase = phase;
    if (!this.output.isTTY) {
      this.output.write(`  ${scenario}: ${phase} ${figures}`.trimEnd() + '\n');
      return;
    }
    const filled = Math.round(Math.min(Math.max(done, 0), 1) * WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    const line = `${scenario.padEnd(16)} ${bar} ${phase} ${figures}`;
    this.output.write(`\r\x1b[2K${line.slice(0, Math.max(this.output.columns - 1, 20))}`);
    this.drawn = true;
  }

  /** Takes the bar away, so that a line can be printed. */
  clear(): void {
    if (this.drawn) this.output.write('\r\x1b[2K');
    this.drawn = false;
    this.lastPhase = '';
  }
}

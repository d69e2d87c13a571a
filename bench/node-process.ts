import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

const MAX_LAST_BYTES = 64 * 1024;

export interface NodeProcessOptions {
  /** For messages and the name of its log. */
  name: string;
  /** The compiled file. */
  script: string;
  env: NodeJS.ProcessEnv;
  /** Where its output is kept: in a file, so that nobody has to read it while the clock runs. */
  logFolder: string;
  nodeArguments?: readonly string[];
}

/**
 * One of the benchmark's processes. It has a group of its own, so that a Ctrl-C in the terminal reaches the benchmark alone,
 * and ends by itself when the benchmark was killed and the channel between the two closes.
 */
export class NodeProcess<Message extends object = object, Report = unknown> {
  readonly exited: Promise<number | string>;
  private readonly child: ChildProcess;
  private readonly logFile: string;
  private hasEnded = false;

  constructor(readonly options: NodeProcessOptions) {
    this.logFile = join(options.logFolder, `${options.name}.log`);
    const log = openSync(this.logFile, 'a');
    this.child = fork(options.script, {
      env: options.env,
      execArgv: [...(options.nodeArguments ?? [])],
      detached: true,
      serialization: 'advanced',
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        this.hasEnded = true;
        resolve(signal ?? code ?? 'unknown');
      });
      this.child.once('error', (error) => resolve(error.message));
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get running(): boolean {
    return !this.hasEnded;
  }

  send(message: Message): void {
    this.child.send(message);
  }

  onReport(listener: (report: Report) => void): void {
    this.child.on('message', listener as (message: unknown) => void);
  }

  offReport(listener: (report: Report) => void): void {
    this.child.off('message', listener as (message: unknown) => void);
  }

  /**
   * The first report that fits.
   * @throws Error with the end of its output when it ends before that
   */
  async report<Wanted extends Report>(fits: (report: Report) => report is Wanted): Promise<Wanted> {
    const ended = this.exited.then((exit): never => {
      throw new Error(`The ${this.options.name} ended (${exit}).\n${this.lastLines()}`);
    });
    const answer = new Promise<Wanted>((resolve) => {
      const listen = (report: unknown): void => {
        if (!fits(report as Report)) return;
        this.child.off('message', listen);
        resolve(report as Wanted);
      };
      this.child.on('message', listen);
    });
    return Promise.race([answer, ended]);
  }

  /** Asks it to end (SIGTERM), by force after `graceMs`. @returns its exit code or signal */
  async stop(graceMs = 20_000): Promise<number | string> {
    const force = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
    this.child.kill('SIGTERM');
    const exit = await this.exited;
    clearTimeout(force);
    return exit;
  }

  /** Ends it at once: what a scenario that was broken off needs is to be gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** The end of what it printed; all of it may be larger than a string can be. */
  lastLines(count = 20): string {
    const file = openSync(this.logFile, 'r');
    try {
      const end = Buffer.alloc(MAX_LAST_BYTES);
      const from = Math.max(0, fstatSync(file).size - end.length);
      const text = end.toString('utf8', 0, readSync(file, end, 0, end.length, from));
      return text.trimEnd().split('\n').slice(-count).join('\n');
    } finally {
      closeSync(file);
    }
  }
}

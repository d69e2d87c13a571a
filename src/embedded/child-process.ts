import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** Put before each line of its output. */
  label: string;
  /** The JavaScript file to run with this Node. */
  script: string;
  env: NodeJS.ProcessEnv;
  print: (line: string) => void;
  printError: (line: string) => void;
}

/**
 * As in the npm scripts and the image. What a request needs lives a little longer than V8's 16 MB for new objects last under
 * load, and is then copied twice: with 32 MB an event costs a tenth less.
 */
export const NODE_FLAGS = ['--max-semi-space-size=32'];

/** One of our own processes, with its output passed on line by line. */
export class Child {
  readonly exited: Promise<ChildExit>;
  private readonly process: ChildProcess;

  constructor({ label, script, env, print, printError }: ChildOptions) {
    // Its own process group: a Ctrl-C in the terminal reaches the launcher alone, which stops everything in order.
    // The ipc channel is how it notices that the launcher was killed: it closes then, and the child shuts down.
    const child = spawn(process.execPath, [...NODE_FLAGS, script], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.process = child;
    for (const [stream, write] of [
      [child.stdout, print],
      [child.stderr, printError],
    ] as const) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => write(`${label} | ${line}`));
    }
    this.exited = new Promise((resolve) => {
      // 'close', not 'exit': its last words have been read by then.
      child.once('close', (code, signal) => resolve({ code, signal }));
      child.once('error', (error) => {
        printError(`${label} | ${error.message}`);
        if (child.pid === undefined) resolve({ code: 1, signal: null });
      });
    });
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Asks it to finish what is in flight, and ends it by force after `graceMs`. Answers how it ended. */
  async stop(graceMs: number): Promise<ChildExit> {
    const force = setTimeout(() => this.kill(), graceMs);
    this.process.kill('SIGTERM');
    const exit = await this.exited;
    clearTimeout(force);
    return exit;
  }

  /** Ends it and its process group at once. */
  kill(): void {
    const { pid, exitCode, signalCode } = this.process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      this.process.kill('SIGKILL');
    }
  }
}

/** `exit code 1` or `signal SIGKILL`. */
export const describeExit = ({ code, signal }: ChildExit): string =>
  signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`;

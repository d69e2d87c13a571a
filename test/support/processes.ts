import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { serverCommand } from '../../src/embedded/server-user.js';

export { freePort } from '../../src/embedded/port-check.js';

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface StartNodeOptions {
  /** Over the environment of the tests; undefined takes a variable away. */
  env?: NodeJS.ProcessEnv;
  args?: readonly string[];
  cwd?: string;
}

export interface NodeProcess {
  pid: number;
  /** Everything it printed so far, stdout and stderr as they came. */
  logs(): string;
  exited: Promise<ProcessExit>;
  /** Asks it to end (SIGTERM, or what is given) and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<ProcessExit>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<ProcessExit>;
}

const running = new Set<NodeProcess>();

/** Runs a compiled script with this Node. It is told to end (SIGTERM) when the tests' own process dies. */
export function startNode(script: string, { env = {}, args = [], cwd }: StartNodeOptions = {}): NodeProcess {
  const command = serverCommand(process.execPath, [script, ...args], undefined, 'TERM');
  const child = spawn(command.program, command.args, {
    cwd,
    env: Object.fromEntries(Object.entries({ ...process.env, ...env }).filter(([, value]) => value !== undefined)),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  // 'exit', not 'close': a process that was killed may leave children who still hold its output open.
  const exited = new Promise<ProcessExit>((resolve, reject) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', reject);
  });
  const end = async (signal: NodeJS.Signals): Promise<ProcessExit> => {
    child.kill(signal);
    return exited;
  };
  const handle: NodeProcess = {
    pid: child.pid ?? -1,
    logs: () => output,
    exited,
    stop: (signal = 'SIGTERM') => end(signal),
    kill: () => end('SIGKILL'),
  };
  running.add(handle);
  void exited.catch(() => undefined).then(() => running.delete(handle));
  return handle;
}

/** For an `afterAll`: whatever a failed test has left running ends here, in order where it can (15 s), else by force. */
export async function stopAllProcesses(): Promise<void> {
  await Promise.all(
    [...running].map(async (handle) => {
      const force = setTimeout(() => void handle.kill(), 15_000);
      await handle.stop().finally(() => clearTimeout(force));
    }),
  );
}

/** Long enough for a machine that has much else to do: what never comes is told a little later, and that is all it costs. */
export const PATIENCE_MS = 120_000;

export interface WaitForOptions {
  timeoutMs?: number;
  /** What is waited for, for the message when it does not come. */
  what: string;
}

/**
 * Polls until the condition holds.
 * @throws Error after `timeoutMs` (default: `PATIENCE_MS`); an error of the condition itself at once.
 */
export async function waitFor(
  condition: () => Promise<boolean> | boolean,
  { timeoutMs = PATIENCE_MS, what }: WaitForOptions,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}`);
    await delay(20);
  }
}

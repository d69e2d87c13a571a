import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { findRedis } from '../../bench/redis-server.js';
import { serverCommand } from '../../src/embedded/server-user.js';
import { freePort, waitFor } from './processes.js';
import { makeTempFolder } from './temp-folder.js';

export interface RedisOptions {
  /** Without one a free port is picked. */
  port?: number;
  /** Further arguments, like `['--maxmemory', '5mb']`. */
  args?: readonly string[];
}

/** A Redis of a test's own: nothing is kept on disk, so a new one on the same port is an empty one. */
export interface TestRedis {
  url: string;
  port: number;
  pid: number;
  stop(): Promise<void>;
  /** Sends a signal; waits for the end only where the signal is one that ends it. SIGSTOP makes it hang, SIGCONT go on. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** The path of `redis-server`; undefined when there is none on PATH. */
export const redisBinary = (): string | undefined => findRedis(process.env);

/** The Redis that all tests share; undefined when there is none, and tests that need one are skipped. */
export const redisUrlForTests = (): string | undefined => process.env.POSTHASTE_TEST_REDIS_URL;

/** @throws Error when there is no `redis-server`, or it does not answer in 10 s (with its output). */
export async function startRedis({ port: asked, args = [] }: RedisOptions = {}): Promise<TestRedis> {
  const binary = redisBinary();
  if (binary === undefined) throw new Error('No redis-server on PATH');
  const folder = makeTempFolder();
  const port = asked ?? (await freePort());
  const child = spawnRedis(binary, port, folder, args);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    // A process that was stopped with SIGSTOP hears of a SIGTERM only when it goes on.
    child.kill('SIGCONT');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(() => hasEnded(child) || answersPing(port), { what: 'Redis to answer' });
    if (hasEnded(child) || child.pid === undefined) throw new Error('redis-server ended');
  } catch (error) {
    await end('SIGKILL');
    throw new Error(`${String(error)}\n${output}`, { cause: error });
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: async (signal) => {
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') child.kill(signal);
      else await end(signal);
    },
  };
}

function spawnRedis(binary: string, port: number, folder: string, args: readonly string[]): ChildProcess {
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'no'];
  // BullMQ must never lose a key to eviction.
  const command = serverCommand(binary, [...settings, '--maxmemory-policy', 'noeviction', ...args], undefined, 'KILL');
  return spawn(command.program, command.args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    const finish = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (bytes) => finish(bytes.toString('latin1').startsWith('+PONG')));
    socket.once('timeout', () => finish(false));
    socket.once('error', () => finish(false));
  });
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../src/embedded/port-check.js';
import { serverCommand } from '../src/embedded/server-user.js';

/** As docker-compose.yml has it. */
export const REDIS_SETTINGS = ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction'] as const;
const START_TIMEOUT_MS = 10_000;

/** Whole path of `redis-server`; undefined where there is none on PATH. */
export function findRedis(env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'redis-server'))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** `7.0.15` */
export const redisVersion = (binary: string): string =>
  / v=(\S+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';

/** A Redis of the benchmark's own, on a free port. */
export class RedisServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly ended: Promise<void>,
    readonly url: string,
  ) {}

  static async start(binary: string, folder: string): Promise<RedisServer> {
    await mkdir(folder, { recursive: true });
    const port = await freePort();
    const settings = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, ...REDIS_SETTINGS];
    const command = serverCommand(binary, settings, undefined, 'KILL');
    const child = spawn(command.program, command.args, { detached: true, stdio: 'ignore' });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
    const server = new RedisServer(child, ended, `redis://127.0.0.1:${port}`);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await answers(port))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await server.stop();
        throw new Error(`${binary} does not start on port ${port}.`);
      }
      await delay(20);
    }
    return server;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** What it holds is thrown away with its folder: there is nothing to save. */
  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 }, () => socket.write('PING\r\n'));
    const finish = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('data', (bytes) => finish(bytes.toString('latin1').startsWith('+PONG')));
    socket.once('timeout', () => finish(false));
    socket.once('error', () => finish(false));
  });
}

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort } from '../src/embedded/port-check.js';
import { waitUntilReady } from '../src/embedded/readiness.js';
import type { Bench } from './bench-run.js';
import { NODE_FLAGS } from '../src/embedded/child-process.js';
import { NodeProcess } from './node-process.js';
import type { Servers } from './servers.js';

/** The compiled roles, as seen from `dist/bench/`. */
const ROLES = join(import.meta.dirname, '../src');
const READY_TIMEOUT_MS = 60_000;

/** What of the settings that ship is changed, and why nothing works without. Addresses and keys are no such change. */
export const OVERRIDES: Readonly<Record<string, string>> = {
  // The receiver is on this machine.
  ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8',
};

/** Posthaste itself, on servers of a scenario. */
export class Posthaste {
  readonly adminKey = `pha_${randomBytes(24).toString('hex')}`;
  readonly apis: NodeProcess[] = [];
  readonly workers: NodeProcess[] = [];
  readonly ports: number[] = [];
  private readonly env: NodeJS.ProcessEnv;

  constructor(
    private readonly bench: Bench,
    servers: Servers,
  ) {
    this.env = {
      ...bench.env,
      NODE_ENV: 'production',
      DATABASE_URL: servers.databaseUrl,
      ...(servers.redis === undefined ? {} : { REDIS_URL: servers.redis.url }),
      ADMIN_API_KEY: this.adminKey,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      ...OVERRIDES,
      ...bench.options.env,
    };
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports[0]}/api/v1`;
  }

  async startApis(): Promise<void> {
    for (let n = 0; n < this.bench.options.apis; n++) {
      const port = await freePort();
      this.apis.push(await this.start(`api-${n + 1}`, 'main.js', 'PORT', port));
      this.ports.push(port);
    }
  }

  async startWorkers(): Promise<void> {
    for (let n = 0; n < this.bench.options.workers; n++) {
      this.workers.push(await this.start(`worker-${n + 1}`, 'worker.js', 'WORKER_PORT', await freePort()));
    }
  }

  /** In order. @returns what is to be complained of: processes that did not end well */
  async stop(): Promise<string[]> {
    const ends = await Promise.all(
      [...this.apis, ...this.workers].map(async (one) => ({
        one,
        exit: one.running ? await one.stop(40_000) : 'early',
      })),
    );
    return ends
      .filter(({ exit }) => exit !== 0)
      .map(({ one, exit }) => `${one.options.name} ended with ${exit}:\n${one.lastLines()}`);
  }

  private async start(name: string, script: string, portSetting: string, port: number): Promise<NodeProcess> {
    const { cleanups, workplace, options } = this.bench;
    const role = new NodeProcess({
      name,
      script: join(ROLES, script),
      env: { ...this.env, [portSetting]: String(port) },
      logFolder: workplace,
      nodeArguments: [...NODE_FLAGS, ...profilingArguments(name, options.cpuProfileFolder)],
    });
    const ended = new AbortController();
    void role.exited.then((exit) => ended.abort(new Error(`${name} did not start (${exit}).\n${role.lastLines()}`)));
    const ready = waitUntilReady(`http://127.0.0.1:${port}/health/ready`, READY_TIMEOUT_MS, ended.signal);
    await cleanups.add(Promise.resolve(role), (started) => started.kill());
    await ready;
    return role;
  }
}

const profilingArguments = (name: string, folder: string | undefined): string[] =>
  folder === undefined
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`];

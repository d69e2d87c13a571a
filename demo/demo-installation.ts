import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONFIG_VARIABLES } from '../src/config/config.js';
import { Launcher } from '../src/embedded/launcher.js';
import { freePort } from '../src/embedded/port-check.js';

/** The compiled roles, as seen from `dist/demo/`. */
const SCRIPTS = join(import.meta.dirname, '../src');

/**
 * What `npm start` runs (PostgreSQL, API, worker), on free ports and with a data folder of its own that is removed at the
 * end: it neither meets nor touches an installation that is already there.
 */
export class DemoInstallation {
  readonly operatorKey = randomBytes(24).toString('base64url');
  /** What the processes printed; of interest only when something fails. */
  readonly output: string[] = [];
  private launcher: Launcher | undefined;
  private dataFolder: string | undefined;
  private stopped: Promise<void> | undefined;

  /**
   * @param env the user's settings are left out: the demo is the same for everybody
   * @param onGivenUp called when a process can't be kept running
   */
  constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly onGivenUp: (reason: Error) => void,
  ) {}

  /**
   * @returns the API's base URL, once everything is ready
   * @throws LaunchError with the line to print
   */
  async start(): Promise<string> {
    this.dataFolder = await mkdtemp(join(tmpdir(), 'posthaste-demo-'));
    // Started by root, PostgreSQL runs as another user, who has to pass through this folder to its own.
    await chmod(this.dataFolder, 0o711);
    const port = await freePort();
    let workerPort = port;
    while (workerPort === port) workerPort = await freePort();
    if (this.stopped !== undefined) throw new Error('Stopped while starting.');

    const keep = (line: string): void => void this.output.push(line);
    this.launcher = new Launcher({
      env: {
        ...withoutSettings(this.env),
        DATA_DIR: this.dataFolder,
        PORT: String(port),
        WORKER_PORT: String(workerPort),
        ADMIN_API_KEY: this.operatorKey,
      },
      workingDir: this.dataFolder,
      scripts: {
        migrate: join(SCRIPTS, 'migrate.js'),
        api: join(SCRIPTS, 'main.js'),
        worker: join(SCRIPTS, 'worker.js'),
      },
      print: keep,
      printError: keep,
      onGivenUp: this.onGivenUp,
    });
    await this.launcher.start();
    return `http://127.0.0.1:${port}/api/v1`;
  }

  /** Stops everything in order and removes the data; may be called at any moment and more than once. */
  stop(): Promise<void> {
    this.stopped ??= this.stopInOrder();
    return this.stopped;
  }

  /** Does not wait for what is in flight; `stop` then gets on at once. */
  force(): void {
    this.launcher?.force();
  }

  private async stopInOrder(): Promise<void> {
    await this.launcher?.stop();
    if (this.dataFolder !== undefined) await rm(this.dataFolder, { recursive: true, force: true });
  }
}

function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const settings = new Set([...CONFIG_VARIABLES, 'DATA_DIR']);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !settings.has(name)));
}

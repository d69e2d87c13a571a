import { bannerLines, databaseLabel } from './banner.js';
import { Child, type ChildOptions, describeExit } from './child-process.js';
import { type DataFolderLock, lockDataFolder } from './data-folder-lock.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { errorMessage } from '../common/error-message.js';
import { LaunchError } from './launch-error.js';
import {
  childEnvironment,
  type LauncherSettings,
  localUrl,
  readLauncherSettings,
  type ResolvedSettings,
} from './launcher-settings.js';
import { loadOrCreateLocalKeys } from './local-keys.js';
import { assertPortIsFree, freePort } from './port-check.js';
import { withClient } from './postmaster.js';
import { SupervisedChild } from './supervised-child.js';

/** How long the children of a killed launcher may take to let go of their ports. */
const PREDECESSOR_GRACE_MS = 15_000;
const MAX_POSTGRES_RESTARTS = 5;
const POSTGRES_STABLE_AFTER_MS = 60_000;

export interface LauncherOptions {
  env: NodeJS.ProcessEnv;
  /** A relative `DATA_DIR` starts here. */
  workingDir: string;
  /** The compiled files to run. */
  scripts: { migrate: string; api: string; worker: string };
  print: (line: string) => void;
  printError: (line: string) => void;
  /** Called at most once, when something that ran can't be kept running. */
  onGivenUp: (reason: LaunchError) => void;
}

/** Runs PostgreSQL, the migrations, the API and the worker as one: up in order, supervised, down in order. */
export class Launcher {
  private lock: DataFolderLock | undefined;
  private postgres: EmbeddedPostgres | undefined;
  private postgresRestarts = 0;
  private postgresRestartedAt = 0;
  private postgresRestarting: Promise<void> | undefined;
  private migration: Child | undefined;
  private api: SupervisedChild | undefined;
  private worker: SupervisedChild | undefined;
  private stopping = false;
  private stopGraceMs = 0;
  private starting: Promise<void> | undefined;

  constructor(private readonly options: LauncherOptions) {}

  /**
   * Answers when everything is ready and the banner is printed.
   * @throws LaunchError with the line to print; `stop()` then tidies up what was started.
   */
  start(): Promise<void> {
    this.starting = this.startInOrder();
    return this.starting;
  }

  /** Stops API, worker and PostgreSQL in this order, so that what is in flight can be finished. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.api !== undefined) this.options.print('Stopping the API …');
    await this.api?.stop(this.stopGraceMs);
    if (this.worker !== undefined) this.options.print('Stopping the worker …');
    await this.worker?.stop(this.stopGraceMs);
    await this.migration?.stop(this.stopGraceMs);
    // A start that is still under way notices between its steps, and must not leave a server behind.
    await this.starting?.catch(() => undefined);
    await this.postgresRestarting;
    if (this.postgres !== undefined) this.options.print('Stopping PostgreSQL …');
    await this.postgres?.stop();
    await this.lock?.release();
  }

  /** Ends the children at once; a `stop()` under way then goes on to PostgreSQL without waiting for them. */
  force(): void {
    this.stopping = true;
    for (const child of [this.api, this.worker, this.migration]) child?.kill();
  }

  private async startInOrder(): Promise<void> {
    const startedAt = performance.now();
    const asked = readLauncherSettings(this.options.env, this.options.workingDir);
    this.stopGraceMs = asked.stopGraceMs;
    this.lock = await lockDataFolder(asked.dataDir);
    const settings = await this.settlePorts(asked, this.lock.tookOver ? PREDECESSOR_GRACE_MS : 0);

    const databaseUrl = await this.step(() => this.connectDatabase(settings));
    const resolved = await this.step(() => resolveSettings(settings, databaseUrl));
    await this.step(() => this.migrate(resolved));
    await this.step(() => this.startProcesses(resolved));

    const banner = bannerLines({
      settings: resolved,
      clusterDir: this.postgres?.clusterDir,
      showKey: settings.adminApiKey === undefined,
      seconds: (performance.now() - startedAt) / 1000,
    });
    for (const line of banner) this.options.print(line);
  }

  private async step<T>(work: () => Promise<T>): Promise<T> {
    if (this.stopping) throw new LaunchError('Stopped while starting.');
    return work();
  }

  private async settlePorts(settings: LauncherSettings, patienceMs: number): Promise<LauncherSettings> {
    const port = settings.port === 0 ? await freePort(settings.host) : settings.port;
    const workerPort = settings.workerPort === 0 ? await freePort(settings.host) : settings.workerPort;
    await assertPortIsFree('PORT', settings.host, port, patienceMs);
    await assertPortIsFree('WORKER_PORT', settings.host, workerPort, patienceMs);
    return { ...settings, port, workerPort };
  }

  private async connectDatabase({ databaseUrl, dataDir }: LauncherSettings): Promise<string> {
    if (databaseUrl !== undefined) {
      await assertDatabaseAnswers(databaseUrl);
      return databaseUrl;
    }
    this.postgres = new EmbeddedPostgres({
      dataDir: `${dataDir}/postgres`,
      log: this.options.print,
      onUnexpectedExit: () => {
        this.postgresRestarting = this.restartPostgres();
      },
    });
    return (await this.postgres.start()).url;
  }

  /** On the same port, as the children know the server by it; they reconnect by themselves. */
  private async restartPostgres(): Promise<void> {
    if (this.stopping) return;
    const now = performance.now();
    if (now - this.postgresRestartedAt > POSTGRES_STABLE_AFTER_MS) this.postgresRestarts = 0;
    this.postgresRestartedAt = now;
    this.postgresRestarts += 1;
    try {
      if (this.postgresRestarts > MAX_POSTGRES_RESTARTS)
        throw new LaunchError('PostgreSQL ends again and again. Giving up.');
      this.options.print(
        `PostgreSQL ended unexpectedly; starting it again (${this.postgresRestarts} of ${MAX_POSTGRES_RESTARTS}).`,
      );
      await this.postgres?.start();
    } catch (error) {
      const reason =
        error instanceof LaunchError
          ? error
          : new LaunchError(`PostgreSQL does not start again: ${errorMessage(error)}`);
      if (!this.stopping) this.options.onGivenUp(reason);
    }
  }

  private async migrate(settings: ResolvedSettings): Promise<void> {
    this.migration = new Child(this.childOptions('migrate', this.options.scripts.migrate, settings));
    const exit = await this.migration.exited;
    if (exit.code !== 0) throw new LaunchError(`The migrations failed (${describeExit(exit)}): see the lines above.`);
  }

  private async startProcesses(settings: ResolvedSettings): Promise<void> {
    const { scripts, onGivenUp } = this.options;
    this.api = new SupervisedChild({
      ...this.childOptions('api', scripts.api, settings),
      name: 'API',
      readyUrl: `${localUrl(settings, settings.port)}/health/ready`,
      onGivenUp,
    });
    this.worker = new SupervisedChild({
      ...this.childOptions('worker', scripts.worker, settings),
      name: 'worker',
      readyUrl: `${localUrl(settings, settings.workerPort)}/health/ready`,
      onGivenUp,
    });
    await Promise.all([this.api.start(), this.worker.start()]);
  }

  private childOptions(label: string, script: string, settings: ResolvedSettings): ChildOptions {
    const { env, print, printError } = this.options;
    return { label, script, env: childEnvironment(env, settings), print, printError };
  }
}

async function resolveSettings(settings: LauncherSettings, databaseUrl: string): Promise<ResolvedSettings> {
  const embedded = settings.databaseUrl === undefined;
  const { adminApiKey, encryptionKey } = settings;
  if (adminApiKey !== undefined && encryptionKey !== undefined) {
    return { ...settings, embedded, databaseUrl, adminApiKey, encryptionKey };
  }
  const local = await loadOrCreateLocalKeys(settings.dataDir);
  return {
    ...settings,
    embedded,
    databaseUrl,
    adminApiKey: adminApiKey ?? local.adminApiKey,
    encryptionKey: encryptionKey ?? local.encryptionKey,
  };
}

/** @throws LaunchError that names the server, but never the password. */
async function assertDatabaseAnswers(databaseUrl: string): Promise<void> {
  try {
    if (!/^postgres(ql)?:$/.test(new URL(databaseUrl).protocol)) throw new TypeError('wrong scheme');
  } catch {
    throw new LaunchError('DATABASE_URL is not of the form postgres://user:password@host:5432/database.');
  }
  try {
    await withClient(databaseUrl, (client) => client.query('SELECT 1'));
  } catch (error) {
    throw new LaunchError(
      `No connection to PostgreSQL at ${databaseLabel(databaseUrl)} (DATABASE_URL): ${errorMessage(error)}`,
    );
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterLocation, locateCluster } from './cluster-location.js';
import { errorMessage } from '../common/error-message.js';
import { errorCode, LaunchError } from './launch-error.js';
import { freePort } from './port-check.js';
import { findNativeDir, type PostgresBinaries, preparePostgresBinaries } from './postgres-binaries.js';
import { createCluster, EMBEDDED_DATABASE, EMBEDDED_USER, readClusterPassword } from './postgres-cluster.js';
import { findRunningPostmaster, readPostmasterPid, releaseRecycledPid, withClient } from './postmaster.js';
import { processIsAlive, signalProcess, waitForExit } from './process-state.js';
import { serverCommand } from './server-user.js';

const START_TIMEOUT_MS = 30_000;
/** Replaying the log after a crash may take longer than a start; as long as the server says so, it is waited for. */
const RECOVERY_TIMEOUT_MS = 300_000;
/** After a kill -9 the old backends take a moment to notice; until then the new server refuses to start. */
const RETRY_AFTER_CRASH_MS = 8_000;
/** Without a crash only the port can have been taken in between. */
const RETRY_MS = 1_000;
const STOP_TIMEOUT_MS = 30_000;
const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** SQLSTATE cannot_connect_now: starting up, recovering or shutting down. */
const CANNOT_CONNECT_NOW = '57P03';

const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

export interface EmbeddedPostgresOptions {
  /** The cluster's own folder; the server's log lies beside it in `postgres.log`. */
  dataDir: string;
  /** Without one a free port is picked at each start. */
  port?: number;
  /** Server settings (postgresql.conf) that win over the defaults. */
  settings?: Readonly<Record<string, string>>;
  /** Takes the few lines an operator should see. */
  log: (line: string) => void;
  /** Called when the server ends without `stop()`. `start()` may be called again then and keeps the port. */
  onUnexpectedExit?: () => void;
  /** Where the binaries lie, if not in the installed package. */
  nativeDir?: string;
}

export interface RunningPostgres {
  /** Of the database `posthaste`, with the superuser's password in it. */
  url: string;
  port: number;
}

/**
 * A PostgreSQL server run from the npm package's binaries on a data folder of ours: made at the first start, found again
 * at the next, recovered after any kind of kill, and adopted when an earlier launcher left it running.
 */
export class EmbeddedPostgres {
  private postmasterPid: number | undefined;
  private port: number | undefined;
  private stopping = false;
  private adoptionWatch: NodeJS.Timeout | undefined;
  private running: ClusterLocation | undefined;

  constructor(private readonly options: EmbeddedPostgresOptions) {
    this.port = options.port;
  }

  /** Of the postmaster, while it runs. */
  get pid(): number | undefined {
    return this.postmasterPid;
  }

  /** Where the data really lies (root may have to keep it elsewhere than asked); known once started. */
  get clusterDir(): string {
    return this.running?.clusterDir ?? resolve(this.options.dataDir);
  }

  /** @throws LaunchError with the last lines of the server's log when it does not come up in 30 s. */
  async start(): Promise<RunningPostgres> {
    this.stopping = false;
    const location = await locateCluster(resolve(this.options.dataDir), this.options.log);
    this.running = location;
    const { clusterDir, user } = location;
    const binaries = await preparePostgresBinaries({
      nativeDir: this.options.nativeDir ?? findNativeDir(),
      user,
      copyRoot: location.copyRoot,
      log: this.options.log,
    });
    if (!existsSync(clusterDir)) {
      await createCluster({ clusterDir, binaries, user, durable: this.options.settings?.fsync !== 'off' });
    }
    const password = await readClusterPassword(clusterDir);
    const urlFor = (port: number, database: string): string =>
      `postgresql://${EMBEDDED_USER}:${password}@127.0.0.1:${port}/${database}`;

    const port = await this.adoptOrSpawn(location, binaries, (somePort) => urlFor(somePort, 'postgres'));
    this.port = port;
    await createDatabase(urlFor(port, 'postgres'));
    return { url: urlFor(port, EMBEDDED_DATABASE), port };
  }

  /** Ends the server in order (a fast shutdown: open transactions are rolled back). Does nothing when it is not running. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.adoptionWatch);
    const pid = this.postmasterPid;
    if (pid === undefined) return;
    for (const [signal, timeoutMs] of [
      ['SIGINT', STOP_TIMEOUT_MS],
      ['SIGQUIT', 5_000],
      ['SIGKILL', 5_000],
    ] as const) {
      signalProcess(pid, signal);
      if (await waitForExit(pid, timeoutMs)) break;
    }
    this.postmasterPid = undefined;
  }

  private async adoptOrSpawn(
    location: ClusterLocation,
    binaries: PostgresBinaries,
    urlFor: (port: number) => string,
  ): Promise<number> {
    const { clusterDir } = location;
    const crashed = (await readPostmasterPid(clusterDir)) !== undefined;
    const retryUntil = Date.now() + (crashed ? RETRY_AFTER_CRASH_MS : RETRY_MS);
    for (;;) {
      const orphan = await findRunningPostmaster(clusterDir, urlFor);
      if (orphan !== undefined) {
        this.options.log(`Took over the PostgreSQL that an earlier start left running (pid ${orphan.pid}).`);
        this.watchAdopted(orphan.pid);
        return orphan.port;
      }
      await releaseRecycledPid(clusterDir);
      const port = this.port ?? (await freePort());
      const child = await this.spawnServer(location, binaries.postgres, port);
      if (await this.waitUntilReady(child, urlFor(port))) return port;
      // It ended by itself: the port was just taken, or what an earlier server left is not gone yet. Both pass.
      if (Date.now() > retryUntil) throw new LaunchError(`PostgreSQL does not start. ${await this.lastLogLines()}`);
      await delay(300);
    }
  }

  private async spawnServer(
    { clusterDir, user }: ClusterLocation,
    postgres: string,
    port: number,
  ): Promise<ChildProcess> {
    const settings = { ...DEFAULT_SETTINGS, port: String(port), ...this.options.settings };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const command = serverCommand(postgres, ['-D', clusterDir, ...args], user, 'INT');
    const log = await this.openLog();
    try {
      const child = spawn(command.program, command.args, {
        uid: command.uid,
        gid: command.gid,
        cwd: '/',
        env: { PATH: process.env.PATH, LC_ALL: 'C' },
        stdio: ['ignore', log.fd, log.fd],
        // Its own process group: a Ctrl-C in the terminal would else stop it before the API has finished.
        detached: true,
      });
      child.once('exit', () => this.noteExit(child.pid));
      await new Promise<void>((resolveSpawn, reject) => child.once('error', reject).once('spawn', resolveSpawn));
      return child;
    } finally {
      await log.close();
    }
  }

  /** True: it answers. False: it ended by itself. */
  private async waitUntilReady(child: ChildProcess, url: string): Promise<boolean> {
    const startedAt = Date.now();
    for (;;) {
      try {
        await withClient(url, (client) => client.query('SELECT 1'));
        if (hasEnded(child)) return false;
        this.postmasterPid = child.pid;
        return true;
      } catch (error) {
        if (hasEnded(child)) return false;
        const allowedMs = errorCode(error) === CANNOT_CONNECT_NOW ? RECOVERY_TIMEOUT_MS : START_TIMEOUT_MS;
        if (Date.now() - startedAt > allowedMs) {
          child.kill('SIGQUIT');
          throw new LaunchError(
            `PostgreSQL did not come up in ${allowedMs / 1000} s (${errorMessage(error)}). ${await this.lastLogLines()}`,
          );
        }
        await delay(20);
      }
    }
  }

  private watchAdopted(pid: number): void {
    this.postmasterPid = pid;
    this.adoptionWatch = setInterval(() => {
      if (!processIsAlive(pid)) this.noteExit(pid);
    }, 500).unref();
  }

  private noteExit(pid: number | undefined): void {
    clearInterval(this.adoptionWatch);
    if (pid === undefined || pid !== this.postmasterPid || this.stopping) return;
    this.postmasterPid = undefined;
    this.options.onUnexpectedExit?.();
  }

  private get logFile(): string {
    return join(dirname(resolve(this.options.dataDir)), 'postgres.log');
  }

  private async openLog(): Promise<Awaited<ReturnType<typeof open>>> {
    const bytes = await stat(this.logFile).then(
      ({ size }) => size,
      () => 0,
    );
    if (bytes > MAX_LOG_BYTES) await rename(this.logFile, `${this.logFile}.1`);
    return open(this.logFile, 'a', 0o600);
  }

  private async lastLogLines(): Promise<string> {
    const lines = (await readFile(this.logFile, 'utf8').catch(() => '')).trimEnd().split('\n');
    return `The end of its log (${this.logFile}):\n${lines.slice(-12).join('\n')}`;
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function createDatabase(maintenanceUrl: string): Promise<void> {
  await withClient(maintenanceUrl, async (client) => {
    const known = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [EMBEDDED_DATABASE]);
    if (known.rowCount === 0) await client.query(`CREATE DATABASE ${EMBEDDED_DATABASE}`);
  });
}

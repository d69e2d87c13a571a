import { resolve } from 'node:path';
import { LaunchError } from './launch-error.js';

/** Opened for endpoints on the embedded default, so that a receiver on this machine can be tried at once. */
export const LOOPBACK_CIDRS = '127.0.0.0/8,::1/128';

/** What the launcher itself reads from the environment; everything else goes through to its children. */
export interface LauncherSettings {
  host: string;
  /** 0: a free one is picked. */
  port: number;
  /** 0: a free one is picked. */
  workerPort: number;
  /** Absolute. */
  dataDir: string;
  logLevel: string;
  /** How long a child may take to stop before it is ended by force: a little more than it gives itself. */
  stopGraceMs: number;
  /** Undefined: the embedded PostgreSQL. */
  databaseUrl: string | undefined;
  /** Undefined: the queue runs on PostgreSQL. */
  redisUrl: string | undefined;
  adminApiKey: string | undefined;
  encryptionKey: string | undefined;
  /** Undefined: not set. An empty text is a choice: no private address. */
  allowedPrivateCidrs: string | undefined;
  /** Whether the children listen with TLS; they judge the files themselves. */
  tls: boolean;
}

/**
 * Reads the launcher's settings; an empty variable counts as not set, but for `ALLOWED_PRIVATE_CIDRS`.
 * @throws LaunchError naming the bad variable.
 */
export function readLauncherSettings(env: NodeJS.ProcessEnv, workingDir: string): LauncherSettings {
  const text = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const settings: LauncherSettings = {
    host: text('HOST') ?? '127.0.0.1',
    port: readPort('PORT', text('PORT') ?? '3000'),
    workerPort: readPort('WORKER_PORT', text('WORKER_PORT') ?? '3001'),
    dataDir: resolve(workingDir, text('DATA_DIR') ?? '.data'),
    logLevel: text('LOG_LEVEL') ?? 'warn',
    stopGraceMs: readStopGraceMs(text('SHUTDOWN_DELAY_SECONDS'), text('SHUTDOWN_GRACE_SECONDS')),
    databaseUrl: text('DATABASE_URL'),
    redisUrl: text('REDIS_URL'),
    adminApiKey: text('ADMIN_API_KEY'),
    encryptionKey: text('ENCRYPTION_KEY'),
    allowedPrivateCidrs: env.ALLOWED_PRIVATE_CIDRS,
    tls: text('TLS_CERT_FILE') !== undefined,
  };
  if (settings.port !== 0 && settings.port === settings.workerPort) {
    throw new LaunchError(
      `PORT and WORKER_PORT are both ${settings.port}. Give the worker's health and metrics another one.`,
    );
  }
  return settings;
}

/** What a process is given beyond the time it may take to stop, before it is forced. */
export const FORCE_AFTER_SECONDS = 5;

/** Whether the settings are good ones the children judge; these are their defaults. */
const readStopGraceMs = (delaySeconds: string | undefined, graceSeconds: string | undefined): number =>
  (readSeconds(delaySeconds, 0) + readSeconds(graceSeconds, 30) + FORCE_AFTER_SECONDS) * 1_000;

const readSeconds = (text: string | undefined, otherwise: number): number =>
  text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : otherwise;

function readPort(name: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new LaunchError(`${name} is "${text}", not a port from 0 to 65535.`);
  return port;
}

/** What is known only after PostgreSQL and the keys are there. */
export interface ResolvedSettings extends LauncherSettings {
  databaseUrl: string;
  adminApiKey: string;
  encryptionKey: string;
  /** Whether the database is the embedded one. */
  embedded: boolean;
}

/** The environment of migration, API and worker: everything given, plus what the launcher settled. */
export function childEnvironment(env: NodeJS.ProcessEnv, settings: ResolvedSettings): NodeJS.ProcessEnv {
  return {
    ...env,
    DATABASE_URL: settings.databaseUrl,
    ADMIN_API_KEY: settings.adminApiKey,
    ENCRYPTION_KEY: settings.encryptionKey,
    HOST: settings.host,
    PORT: String(settings.port),
    WORKER_PORT: String(settings.workerPort),
    LOG_LEVEL: settings.logLevel,
    ...(opensLoopback(settings) ? { ALLOWED_PRIVATE_CIDRS: LOOPBACK_CIDRS } : {}),
    // Its receiver lies on loopback, and with TLS it may show a certificate that deliveries don't trust.
    ...(opensLoopback(settings) && !settings.tls && env.SERVE_DEMO === undefined ? { SERVE_DEMO: 'true' } : {}),
  };
}

/** Only the embedded default opens loopback, and only when nothing was said about private addresses. */
export const opensLoopback = (settings: ResolvedSettings): boolean =>
  settings.embedded && settings.allowedPrivateCidrs === undefined;

/** An address to reach a listener at: one that listens everywhere is reached on loopback. */
export function localUrl({ host, tls }: Pick<LauncherSettings, 'host' | 'tls'>, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${tls ? 'https' : 'http'}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

import 'reflect-metadata';
import { type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server as TlsServer } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { Logger } from 'nestjs-pino';
import { configureHttp, createHttpAdapter, HTTP_APP_OPTIONS } from './common/http-app.js';
import { errorMessage } from './common/error-message.js';
import { readTlsFiles } from './common/tls-files.js';
import { Config, ConfigError, loadConfig } from './config/config.js';
import { createDataSource } from './database/data-source.js';
import { ensurePartitionsUnlessInUse } from './database/partitions.js';
import { pendingMigrations } from './database/schema-check.js';
import { isBehindTheWall } from './database/tenant-role.js';
import { isDatabaseUnavailable } from './common/database-errors.js';
import { LaunchError } from './embedded/launch-error.js';
import { FORCE_AFTER_SECONDS } from './embedded/launcher-settings.js';
import { assertPortIsFree } from './embedded/port-check.js';
import { HealthService } from './health/health.service.js';
import { countRequests } from './metrics/http-metrics.js';
import { Metrics } from './metrics/metrics.js';

/**
 * How much garbage may lie among old objects before they are collected, as a share of what was alive. Where memory is plenty V8 waits
 * for four times that. A worker that drains a backlog has some 110 MB alive, half of it connections that it keeps for a moment: 403 MB
 * at its peak with 100 here, 351 like this, in one run each with 150,000 pending. V8 reads it at each collection, so it can be set
 * here, for every way to start; NODE_OPTIONS does not take it.
 */
const HEAP_GROWING_PERCENT = 50;

export interface ProcessOptions {
  module: Type;
  /** Adds what is no controller, before the application listens. */
  prepare: (app: NestFastifyApplication) => Promise<void>;
  /** Where it listens, and the setting that says so. */
  address: (config: Config) => { host: string; port: number; setting: string };
}

/** A reason not to start, told in one line. */
class StartError extends Error {}

/** Starts one role and keeps it until a signal or, under `npm start`, until the launcher is gone. */
export async function runProcess(options: ProcessOptions): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  try {
    await start(options);
  } catch (error) {
    console.error(reasonOf(error));
    process.exit(1);
  }
}

async function start({ module, prepare, address }: ProcessOptions): Promise<void> {
  const config = loadConfig();
  const { host, port, setting } = address(config);
  const tls = readTlsFiles(config);
  // Before anything starts: by the time the application listens, Nest has more to say of a taken port than one line.
  await assertPortIsFree(setting, host, port);
  await checkDatabase(config);
  const app = await NestFactory.create<NestFastifyApplication>(module, createHttpAdapter(config, { tls }), {
    ...HTTP_APP_OPTIONS,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  configureHttp(app);
  countRequests(app.getHttpAdapter().getInstance(), app.get(Metrics));
  await prepare(app);
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void shutDown(app, config));
  if (tls !== null) process.on('SIGHUP', () => reloadTls(app, config));
  await app.listen({ host, port });
  stopWithLauncher(config);
}

/** A renewed certificate holds for new connections; those that are open go on. A bad one leaves the old one in place. */
function reloadTls(app: NestFastifyApplication, config: Config): void {
  const logger = app.get(Logger);
  try {
    (app.getHttpServer() as unknown as TlsServer).setSecureContext(readTlsFiles(config) ?? {});
    logger.log('The TLS certificate was read again.');
  } catch (error) {
    logger.error(`The TLS certificate stays as it was: ${errorMessage(error)}`);
  }
}

/** Says so first, then goes on taking requests for as long as load balancers need to notice, then stops in order. */
async function shutDown(app: NestFastifyApplication, { shutdownDelaySeconds }: Config): Promise<void> {
  app.get(HealthService).beginShutdown();
  await delay(shutdownDelaySeconds * 1_000);
  try {
    await app.close();
    process.exit(0);
  } catch (error) {
    console.error(`Stopping failed: ${errorMessage(error)}`);
    process.exit(1);
  }
}

/** Under `npm start` the launcher holds the other end: when it is killed there is nobody left to stop this process, nor to force it. */
function stopWithLauncher({ shutdownDelaySeconds, shutdownGraceSeconds }: Config): void {
  if (process.send === undefined) return;
  // What the launcher read of our output is gone with it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const stop = (): void => {
    // Once told, it has no listener any more, and a second signal would end it at once.
    if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
    setTimeout(
      () => process.exit(1),
      (shutdownDelaySeconds + shutdownGraceSeconds + FORCE_AFTER_SECONDS) * 1_000,
    ).unref();
  };
  if (process.connected) process.once('disconnect', stop);
  else stop();
}

/** @throws StartError while the schema isn't the one that this code knows, or row-level security hides it from its user */
async function checkDatabase({ databaseUrl }: Config): Promise<void> {
  const dataSource = await createDataSource(databaseUrl).initialize();
  try {
    const pending = await pendingMigrations(dataSource);
    if (pending.length > 0) {
      throw new StartError(`The database lacks ${pending.length} migration(s): run "npm run migration:run" first.`);
    }
    if (await isBehindTheWall(dataSource)) {
      throw new StartError(
        'The database user of DATABASE_URL sees no rows: it must own the tables (run the migrations as the same user) or have BYPASSRLS.',
      );
    }
    await ensurePartitionsUnlessInUse(dataSource, (line) => console.warn(line));
  } finally {
    await dataSource.destroy();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StartError || error instanceof LaunchError) return error.message;
  if (isDatabaseUnavailable(error)) return `PostgreSQL does not answer at DATABASE_URL: ${errorMessage(error)}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

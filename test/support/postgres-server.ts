import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { signalProcess, waitForExit } from '../../src/embedded/process-state.js';
import { makeTempFolder } from './temp-folder.js';

/** For servers whose data nobody will miss: no waiting for a disk. */
export const FAST_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

export interface TestPostgresOptions {
  /** Server settings; none by default, so that the server is as durable as in production. */
  settings?: Readonly<Record<string, string>>;
}

/** A PostgreSQL of a test's own, that it may kill, stop and start again; url and port stay. */
export interface TestPostgres {
  /** Of the database `posthaste`, empty at first. */
  url: string;
  port: number;
  pid(): number | undefined;
  /** Signals the postmaster and waits until it is gone: SIGKILL is a crash, SIGQUIT one in order, SIGINT a shutdown. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** After `kill` or `stop`; on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and deletes its data. */
  remove(): Promise<void>;
}

export async function startPostgres({ settings = {} }: TestPostgresOptions = {}): Promise<TestPostgres> {
  const folder = makeTempFolder();
  const server = new EmbeddedPostgres({ dataDir: join(folder, 'postgres'), settings, log: () => undefined });
  const remove = async (): Promise<void> => {
    await server.stop();
    rmSync(server.clusterDir, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  };
  const { url, port } = await server.start().catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    url,
    port,
    pid: () => server.pid,
    kill: async (signal) => {
      const { pid } = server;
      if (pid === undefined) return;
      signalProcess(pid, signal);
      if (!(await waitForExit(pid, 30_000))) throw new Error(`PostgreSQL (pid ${pid}) outlived ${signal}`);
    },
    start: async () => {
      await server.start();
    },
    stop: () => server.stop(),
    remove,
  };
}

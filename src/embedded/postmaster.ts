import { realpathSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { processCommand, processIsAlive } from './process-state.js';

/** What the lock file of a running server says of it. */
export interface Postmaster {
  pid: number;
  port: number;
}

/** A pid above every system's limit (Linux: 2^22), so that no process has it. */
const NO_SUCH_PID = 2_147_483_646;

/** Reads `postmaster.pid`: line 1 is the pid, line 4 the port (PostgreSQL's src/include/utils/pidfile.h). */
export async function readPostmasterPid(clusterDir: string): Promise<Postmaster | undefined> {
  const lines = await readPidFile(clusterDir);
  const pid = Number(lines?.[0]);
  const port = Number(lines?.[3]);
  return Number.isInteger(pid) && pid > 0 && Number.isInteger(port) && port > 0 ? { pid, port } : undefined;
}

/**
 * The server that still runs on this cluster, left by a launcher that was killed; undefined when there is none to trust.
 * It must know our password and name this very folder, twice: one that was told to stop when its launcher died may
 * still have answered the first time.
 */
export async function findRunningPostmaster(
  clusterDir: string,
  urlFor: (port: number) => string,
): Promise<Postmaster | undefined> {
  const postmaster = await readPostmasterPid(clusterDir);
  if (postmaster === undefined || !processIsAlive(postmaster.pid)) return undefined;
  if (!(await serves(urlFor(postmaster.port), clusterDir))) return undefined;
  await delay(200);
  return (await serves(urlFor(postmaster.port), clusterDir)) ? postmaster : undefined;
}

async function serves(url: string, clusterDir: string): Promise<boolean> {
  try {
    const folder = await withClient(url, async (client) => {
      const answer = await client.query<{ data_directory: string }>('SHOW data_directory');
      return answer.rows[0]?.data_directory ?? '';
    });
    return realpathSync(folder) === realpathSync(clusterDir);
  } catch {
    return false;
  }
}

/**
 * After a crash the pid in the lock file may belong to another program by now, for which PostgreSQL would refuse to start.
 * The pid alone is replaced: the file's shared memory key stays, by which PostgreSQL notices backends that still run.
 */
export async function releaseRecycledPid(clusterDir: string): Promise<void> {
  const postmaster = await readPostmasterPid(clusterDir);
  if (postmaster === undefined) return;
  const command = processCommand(postmaster.pid);
  const recycled = command !== undefined && (command !== 'postgres' || !processIsAlive(postmaster.pid));
  if (!recycled) return;
  const [, ...rest] = (await readPidFile(clusterDir)) ?? [];
  if (rest.length > 0) await writeFile(join(clusterDir, 'postmaster.pid'), [String(NO_SUCH_PID), ...rest].join('\n'));
}

async function readPidFile(clusterDir: string): Promise<string[] | undefined> {
  try {
    return (await readFile(join(clusterDir, 'postmaster.pid'), 'utf8')).split('\n');
  } catch {
    return undefined;
  }
}

/** Runs `work` on a connection of its own. Errors of connecting and of `work` reach the caller. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // A server that goes away while nothing is asked of it raises an event, which would end this process unheard.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { findServerUser, serverCommand } from '../../src/embedded/server-user.js';
import { freePort, waitFor } from './processes.js';
import { makeTempFolder } from './temp-folder.js';

const DEBIAN = '/usr/lib/postgresql';

/** The newest PostgreSQL of the system that has server and tools, which the embedded one has not; undefined without one. */
export function systemPostgres(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  return readdirSync(DEBIAN)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((folder) => ['initdb', 'postgres', 'pg_dump', 'pg_restore'].every((name) => existsSync(join(folder, name))));
}

export interface SystemPostgres {
  /** Of an empty database of this name, made here. */
  createDatabase(name: string): Promise<string>;
  /** Where its tools are. */
  bin: string;
  remove(): Promise<void>;
}

/** A server of the system's version: pg_dump refuses one that is newer than itself. */
export async function startSystemPostgres(bin: string): Promise<SystemPostgres> {
  const folder = makeTempFolder();
  const dataDir = join(folder, 'data');
  const user = findServerUser(undefined);
  mkdirSync(dataDir);
  if (user !== undefined) {
    chmodSync(folder, 0o755);
    chownSync(dataDir, user.uid, user.gid);
  }
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', dataDir, '-U', 'posthaste', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    { encoding: 'utf8', cwd: '/', ...user },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const command = serverCommand(
    join(bin, 'postgres'),
    ['-D', dataDir, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-F'],
    user,
    'INT',
  );
  const server = spawn(command.program, command.args, {
    cwd: '/',
    stdio: 'ignore',
    uid: command.uid,
    gid: command.gid,
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const urlOf = (name: string): string => `postgres://posthaste@127.0.0.1:${port}/${name}`;
  const query = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: urlOf('postgres') });
    try {
      await client.connect();
      await client.query(sql);
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  await waitFor(
    () =>
      query('SELECT').then(
        () => true,
        () => false,
      ),
    { what: 'PostgreSQL' },
  );
  return {
    bin,
    createDatabase: async (name) => {
      await query(`CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    remove: async () => {
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

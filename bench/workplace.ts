import { chmod, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processIsAlive } from '../src/embedded/process-state.js';

const PREFIX = 'posthaste-bench-';
/** Linux's magic numbers of file systems that keep nothing on a disk: tmpfs and ramfs (statfs(2)). */
const IN_MEMORY = new Set([0x0102_1994, 0x8584_58f6]);

/** A folder for everything that a run writes but its results. Root's PostgreSQL, another user, has to pass through it. */
export async function makeWorkplace(parent: string = tmpdir()): Promise<string> {
  await sweep(parent);
  const folder = await mkdtemp(join(parent, `${PREFIX}${process.pid}-`));
  await chmod(folder, 0o711);
  return folder;
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

/** Whether `fsync` costs nothing there, and figures of durable writes would be worth nothing. */
export async function liesInMemory(folder: string): Promise<boolean> {
  return IN_MEMORY.has((await statfs(folder)).type);
}

/** Removes what runs that were killed have left behind: folders whose process is gone. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || processIsAlive(pid)) continue;
    // Another user's: theirs to remove.
    await removeFolder(join(parent, name)).catch(() => undefined);
  }
}

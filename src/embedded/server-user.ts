import { execFileSync, spawnSync } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { LaunchError } from './launch-error.js';

/** An unprivileged user that PostgreSQL runs as, because it refuses to run as root. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** A program with all that `spawn` needs to run it as the server's user. */
export interface ServerCommand {
  program: string;
  args: string[];
  uid?: number;
  gid?: number;
}

/** Whether this process is root, and so has to hand PostgreSQL to somebody else. */
export const runsAsRoot = (): boolean => process.getuid?.() === 0;

/**
 * Whom PostgreSQL runs as: the owner of a data folder that exists (PostgreSQL accepts no other), else `nobody`.
 * Undefined when this process is not root: then it is the user of this process.
 * @throws LaunchError when root has no user `nobody` to give the server to.
 */
export function findServerUser(existingClusterDir: string | undefined): ServerUser | undefined {
  if (!runsAsRoot()) return undefined;
  if (existingClusterDir !== undefined) {
    const owner = statSync(existingClusterDir);
    if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  try {
    return { uid: idOfNobody('-u'), gid: idOfNobody('-g') };
  } catch {
    throw new LaunchError(
      'PostgreSQL does not run as root, and there is no user "nobody" here. Start as another user.',
    );
  }
}

const idOfNobody = (flag: '-u' | '-g'): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));

/** Whether `user` can pass every folder above `path` and read `path` itself. Permission bits only; lists (ACL) are not looked at. */
export function userCanReach(path: string, user: ServerUser | undefined): boolean {
  if (user === undefined) return true;
  try {
    let current = realpathSync(path);
    let needed = statSync(current).isDirectory() ? 0o5 : 0o4;
    for (;;) {
      if ((permissionBits(current, user) & needed) !== needed) return false;
      const parent = dirname(current);
      if (parent === current) return true;
      current = parent;
      needed = 0o1;
    }
  } catch {
    return false;
  }
}

/** Like `userCanReach`, but for a folder that only needs to be passed through, not listed. */
export function userCanPass(folder: string, user: ServerUser): boolean {
  try {
    const path = realpathSync(folder);
    const parent = dirname(path);
    return (permissionBits(path, user) & 0o1) === 0o1 && (parent === path || userCanPass(parent, user));
  } catch {
    return false;
  }
}

function permissionBits(path: string, user: ServerUser): number {
  const { mode, uid, gid } = statSync(path);
  if (uid === user.uid) return (mode >> 6) & 0o7;
  return gid === user.gid ? (mode >> 3) & 0o7 : mode & 0o7;
}

let setprivKnown: boolean | undefined;

/** Whether `setpriv --pdeathsig` works: util-linux has it, BusyBox and macOS do not. */
export function hasParentDeathSignal(): boolean {
  setprivKnown ??= spawnSync('setpriv', ['--pdeathsig', 'INT', '--', 'true'], { stdio: 'ignore' }).status === 0;
  return setprivKnown;
}

/**
 * The command that runs `program` as `user` and, where the system can do that, sends it `parentDeathSignal` when this
 * process ends in whatever way, a kill -9 included (prctl(2), PR_SET_PDEATHSIG). Without that it may outlive this process.
 */
export function serverCommand(
  program: string,
  args: readonly string[],
  user: ServerUser | undefined,
  parentDeathSignal: 'INT' | 'TERM' | 'KILL',
): ServerCommand {
  if (!hasParentDeathSignal()) return { program, args: [...args], ...user };
  const identity =
    user === undefined ? [] : ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  return { program: 'setpriv', args: [...identity, '--pdeathsig', parentDeathSignal, '--', program, ...args] };
}

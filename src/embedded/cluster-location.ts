import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LaunchError } from './launch-error.js';
import { findServerUser, runsAsRoot, type ServerUser, userCanPass } from './server-user.js';

/** Where root's server keeps what its unprivileged user could not reach elsewhere: on every Linux others may pass it. */
const REACHABLE_ROOT = '/var/lib/posthaste';

export interface ClusterLocation {
  clusterDir: string;
  user: ServerUser | undefined;
  /** Where a copy of the binaries may go. */
  copyRoot: string;
}

/**
 * Settles where the cluster lies and who runs it. That is `dataDir`, unless root asks for a place below a folder that the
 * unprivileged user can't pass (like /root): then it is a folder of its own below /var/lib/posthaste, the same at each start.
 * @throws LaunchError when data lies where its server can't reach it: starting elsewhere would look like data loss.
 */
export async function locateCluster(
  dataDir: string,
  log: (line: string) => void,
  reachableRoot = REACHABLE_ROOT,
): Promise<ClusterLocation> {
  const parent = dirname(dataDir);
  // Root's server must pass through this folder to its own; nobody else needs to.
  await mkdir(parent, { recursive: true, mode: runsAsRoot() ? 0o711 : 0o700 });
  const asked = existsSync(dataDir) ? dataDir : undefined;
  const user = findServerUser(asked);
  if (user === undefined) return { clusterDir: dataDir, user, copyRoot: parent };

  const substitute = substituteFor(dataDir, reachableRoot);
  if (userCanPass(parent, user) && (asked !== undefined || !existsSync(substitute))) {
    return { clusterDir: dataDir, user, copyRoot: reachableRoot };
  }
  if (asked !== undefined) {
    throw new LaunchError(
      `The user that PostgreSQL runs as (uid ${user.uid}) can't reach its data in ${dataDir}. ` +
        'Let others pass the folders above it (chmod o+x), or start as the user who owns it.',
    );
  }
  await mkdir(dirname(substitute), { recursive: true, mode: 0o711 });
  log(`PostgreSQL keeps its data in ${substitute}: started as root, its user can't reach ${parent}.`);
  const substituteUser = findServerUser(existsSync(substitute) ? substitute : undefined);
  return { clusterDir: substitute, user: substituteUser, copyRoot: reachableRoot };
}

const substituteFor = (dataDir: string, reachableRoot: string): string =>
  join(reachableRoot, createHash('sha256').update(dataDir).digest('hex').slice(0, 16), 'postgres');

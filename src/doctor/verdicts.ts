import { ok, problem, skipped, warning, type Finding } from './finding.js';

/** As `engines` in package.json says. */
export const OLDEST_NODE = [20, 19] as const;
/** The oldest that its makers still mend; what Posthaste is tested on is newer. */
export const OLDEST_POSTGRES = 140_000;
/** BullMQ's. */
export const OLDEST_REDIS = [6, 2] as const;

/** Clocks that are kept by NTP differ by milliseconds. */
const SKEW_WARNING_MS = 2_000;
/** By a minute the five minutes that receivers allow a signature's timestamp begin to be used up. */
const SKEW_PROBLEM_MS = 60_000;

const GIB = 1024 ** 3;

const isOlder = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [ofMajor = 0, ofMinor = 0] = version.split('.').map(Number);
  return ofMajor < major || (ofMajor === major && ofMinor < minor);
};

/** @param version without the leading v, as in `process.versions.node` */
export function judgeNode(version: string): Finding {
  if (!isOlder(version, OLDEST_NODE)) return ok('node.version', `Node.js ${version}`);
  return problem(
    'node.version',
    `Node.js ${version} is too old`,
    `Install Node.js ${OLDEST_NODE.join('.')} or later; the container image has it.`,
  );
}

/** @param versionNumber `server_version_num`: 180004 for 18.4 */
export function judgePostgres(versionNumber: number): Finding {
  const version = `${Math.floor(versionNumber / 10_000)}.${versionNumber % 10_000}`;
  if (versionNumber >= OLDEST_POSTGRES) return ok('postgres.version', `PostgreSQL ${version}`);
  return problem(
    'postgres.version',
    `PostgreSQL ${version} is too old`,
    `Upgrade the server to PostgreSQL ${OLDEST_POSTGRES / 10_000} or later.`,
  );
}

export function judgeRedis(version: string): Finding {
  if (!isOlder(version, OLDEST_REDIS)) return ok('redis.version', `Redis ${version}`);
  return problem(
    'redis.version',
    `Redis ${version} is too old for BullMQ`,
    `Upgrade Redis to ${OLDEST_REDIS.join('.')} or later, or run without REDIS_URL.`,
  );
}

/** @param policy undefined where the server does not say */
export function judgeEviction(policy: string | undefined): Finding {
  if (policy === undefined) return skipped('redis.eviction', 'Redis does not tell its maxmemory-policy');
  if (policy === 'noeviction') return ok('redis.eviction', 'Redis drops nothing when it is full (noeviction)');
  return problem(
    'redis.eviction',
    `Redis has maxmemory-policy ${policy}: when it is full it drops queued deliveries in silence`,
    'Set it: redis-cli config set maxmemory-policy noeviction, and in redis.conf or in the parameters of your provider.',
  );
}

/** @param maxBytes 0: no limit */
export function judgeRedisMemory(usedBytes: number, maxBytes: number): Finding {
  const used = `Redis uses ${(usedBytes / 1024 ** 2).toFixed(0)} MiB`;
  if (maxBytes === 0) return ok('redis.memory', `${used}, without a limit of its own`);
  const percent = Math.round((100 * usedBytes) / maxBytes);
  const message = `${used}, ${percent} % of its maxmemory`;
  if (percent < 80) return ok('redis.memory', message);
  return warning(
    'redis.memory',
    message,
    'Raise maxmemory, or lower QUEUE_WINDOW_TOTAL: a full Redis takes no more jobs.',
  );
}

/** @param skewMs how far the clock of this machine is ahead of the database's */
export function judgeClock(skewMs: number): Finding {
  const message = `The clock of this machine is ${Math.abs(skewMs / 1_000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} the database's`;
  const advice =
    'Keep both clocks right with NTP (chrony, systemd-timesyncd): ids, timestamps and signatures go by them.';
  if (Math.abs(skewMs) >= SKEW_PROBLEM_MS) return problem('postgres.clock', message, advice);
  if (Math.abs(skewMs) >= SKEW_WARNING_MS) return warning('postgres.clock', message, advice);
  return ok('postgres.clock', 'The clock of this machine and the database agree');
}

export function judgeDisk(freeBytes: number, totalBytes: number): Finding {
  const percent = Math.floor((100 * freeBytes) / totalBytes);
  const message = `${(freeBytes / GIB).toFixed(1)} GiB (${percent} %) are free where the database is`;
  const advice = 'Make room, or lower RETENTION_DAYS: PostgreSQL stops when its disk is full.';
  if (freeBytes < GIB) return problem('postgres.disk', message, advice);
  if (percent < 10) return warning('postgres.disk', message, advice);
  return ok('postgres.disk', message);
}

/** @param wanted connections that one process opens at most */
export function judgeConnections(used: number, max: number, wanted: number): Finding {
  const message = `${used} of ${max} connections to PostgreSQL are in use; a process opens up to ${wanted}`;
  if (max - used >= wanted) return ok('postgres.connections', message);
  return warning(
    'postgres.connections',
    message,
    'Raise max_connections, or lower DATABASE_POOL_SIZE: processes wait for connections, or fail to start.',
  );
}

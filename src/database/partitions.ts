import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { isTransient } from '../common/database-errors.js';
import { idBoundary } from '../common/ids.js';

/** Tables partitioned by day on their UUIDv7 id. Deliveries' order matters where rows are removed: children first. */
export const PARTITIONED_TABLES = ['delivery_attempts', 'deliveries', 'events'] as const;
export type PartitionedTable = (typeof PARTITIONED_TABLES)[number];

const DAY_MS = 24 * 3_600_000;
/** Yesterday for clocks that are behind, three days ahead for a maintenance job that failed for a while. */
const DAYS_BEHIND = 1;
const DAYS_AHEAD = 3;

/** Its own key among PostgreSQL's advisory locks, so that processes that start together don't make the same partition. */
const LOCK_KEY = 5_071_846_291;

export const startOfDay = (epochMs: number): number => Math.floor(epochMs / DAY_MS) * DAY_MS;

export const partitionName = (table: PartitionedTable, dayMs: number): string =>
  `${table}_${new Date(dayMs).toISOString().slice(0, 10).replaceAll('-', '')}`;

/** The day of a partition, or null when the name is not a day's (the default partition). */
export function dayOfPartition(name: string): number | null {
  const match = /_(\d{4})(\d{2})(\d{2})$/.exec(name);
  return match === null ? null : Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
}

/** Names of a table's partitions, the default one among them, sorted. */
export async function partitionsOf(
  db: DataSource | EntityManager | QueryRunner,
  table: PartitionedTable,
): Promise<string[]> {
  const rows = (await db.query(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = $1::regclass ORDER BY c.relname`,
    [table],
  )) as { name: string }[];
  return rows.map(({ name }) => name);
}

/**
 * Makes the partitions of the days around `nowMs` that are missing, and of past days whose rows the default partition caught:
 * retention drops whole days, so what stayed there would stay for ever. Safe to run at any time, in any number of processes.
 */
export async function ensurePartitions(db: DataSource, nowMs: number = Date.now()): Promise<string[]> {
  const made: string[] = [];
  const aroundNow = Array.from(
    { length: DAYS_BEHIND + 1 + DAYS_AHEAD },
    (_day, index) => startOfDay(nowMs) + (index - DAYS_BEHIND) * DAY_MS,
  );
  for (const table of PARTITIONED_TABLES) {
    const existing = new Set(await partitionsOf(db, table));
    for (const dayMs of new Set([...(await pastDaysInDefault(db, table, nowMs)), ...aroundNow])) {
      if (existing.has(partitionName(table, dayMs))) continue;
      if (await createPartition(db, table, dayMs)) made.push(partitionName(table, dayMs));
    }
  }
  return made;
}

/**
 * As {@link ensurePartitions}, but leaves it for the next time while somebody reads all of a table, a backup perhaps. There are partitions
 * for days to come, and the default one catches what has none: neither upkeep nor a process that starts need wait for that.
 * @param warn told when it was left
 */
export async function ensurePartitionsUnlessInUse(
  db: DataSource,
  warn: (line: string) => void,
  nowMs: number = Date.now(),
): Promise<void> {
  try {
    await ensurePartitions(db, nowMs);
  } catch (error) {
    if (!isTransient(error)) throw error;
    warn('The next partitions could not be made, as their tables are in use; it is tried again in an hour.');
  }
}

/** Partitions of today and tomorrow that are not there: nobody has made any for days. */
export async function missingPartitions(db: DataSource, nowMs: number): Promise<string[]> {
  const missing: string[] = [];
  for (const table of PARTITIONED_TABLES) {
    const existing = new Set(await partitionsOf(db, table));
    const needed = [nowMs, nowMs + DAY_MS].map((timeMs) => partitionName(table, startOfDay(timeMs)));
    missing.push(...needed.filter((name) => !existing.has(name)));
  }
  return missing;
}

/** Days before today of which the default partition holds rows. It is empty unless nobody made partitions for a while. */
async function pastDaysInDefault(db: DataSource, table: PartitionedTable, nowMs: number): Promise<number[]> {
  const rows = await db.query<{ day: number }[]>(
    `SELECT DISTINCT (('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / ${DAY_MS})::int AS day
     FROM ${table}_default WHERE id < $1 ORDER BY day`,
    [idBoundary(startOfDay(nowMs))],
  );
  return rows.map(({ day }) => day * DAY_MS);
}

/**
 * Creates the table by itself, then attaches it: `CREATE … PARTITION OF` would wait behind every open reader with all
 * later queries queued behind it. Rows of that day that the default partition caught are moved over.
 */
async function createPartition(db: DataSource, table: PartitionedTable, dayMs: number): Promise<boolean> {
  const name = partitionName(table, dayMs);
  const from = idBoundary(dayMs);
  const to = idBoundary(dayMs + DAY_MS);
  return db.transaction(async (manager) => {
    await manager.query(`SELECT pg_advisory_xact_lock($1)`, [LOCK_KEY]);
    if ((await partitionsOf(manager, table)).includes(name)) return false;
    await setLockTimeout(manager);
    const caught = await manager.query<unknown[]>(
      `SELECT FROM ${table}_default WHERE id >= '${from}' AND id < '${to}' LIMIT 1`,
    );
    // Rows of this day are coming in: their writers must wait, or attaching fails for what came since the move, and a writer
    // that had chosen the default partition already fails for good.
    if (caught.length > 0) await manager.query(`LOCK TABLE ONLY ${table} IN SHARE ROW EXCLUSIVE MODE`);
    await manager.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL)`);
    await manager.query(
      `WITH moved AS (DELETE FROM ${table}_default WHERE id >= '${from}' AND id < '${to}' RETURNING *)
       INSERT INTO ${name} SELECT * FROM moved`,
    );
    await manager.query(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
    return true;
  });
}

/** Partitions that end at or before `beforeMs`, oldest first. */
export async function partitionsBefore(db: DataSource, table: PartitionedTable, beforeMs: number): Promise<string[]> {
  return (await partitionsOf(db, table)).filter((name) => {
    const dayMs = dayOfPartition(name);
    return dayMs !== null && dayMs + DAY_MS <= beforeMs;
  });
}

/**
 * @param name as `partitionsBefore` gives it
 * @throws QueryFailedError (55P03) while somebody has read the table for too long; try again later
 */
export async function dropPartition(db: DataSource, name: string): Promise<void> {
  await db.transaction(async (manager) => {
    await setLockTimeout(manager);
    await manager.query(`DROP TABLE IF EXISTS ${name}`);
  });
}

/** Whatever comes after a lock that is waited for waits as well: a long reader (a backup) must not stop the service. */
async function setLockTimeout(manager: EntityManager): Promise<void> {
  await manager.query(`SET LOCAL lock_timeout = '2s'`);
}

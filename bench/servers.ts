import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { migrateDatabase } from '../src/database/migrate-database.js';
import { EmbeddedPostgres } from '../src/embedded/embedded-postgres.js';
import type { Bench } from './bench-run.js';
import { POSTGRES_SETTINGS, WAL_FILES } from './postgres-settings.js';
import { RedisServer } from './redis-server.js';
import { removeFolder } from './workplace.js';

/** What a run's durability rests on, as the server itself tells. */
export interface Durability {
  postgres: string;
  fsync: string;
  synchronous_commit: string;
  full_page_writes: string;
  wal_sync_method: string;
  /** Tables by `relpersistence`: p permanent, u unlogged (lost in a crash), t temporary. */
  tables: Record<string, string[]>;
}

/** PostgreSQL and Redis of one scenario, new and empty. */
export interface Servers {
  databaseUrl: string;
  postgresPid: number;
  redis: RedisServer | undefined;
  /** A connection of the benchmark's own. */
  db: pg.Client;
}

export async function startServers(
  bench: Bench,
  { redis, migrate }: { redis: boolean; migrate: boolean },
): Promise<Servers> {
  const { cleanups, workplace, options } = bench;
  // What the scenario before has left to write and to free; commits of this one would wait for it.
  await promisify(execFile)('sync');
  const server = new EmbeddedPostgres({
    dataDir: join(workplace, 'postgres'),
    settings: { ...POSTGRES_SETTINGS, ...options.postgresSettings },
    log: () => undefined,
  });
  const { url } = await cleanups.add(server.start(), async () => {
    await server.stop();
    await removeFolder(server.clusterDir);
  });
  const redisFolder = join(workplace, 'redis');
  const redisServer =
    redis && bench.redisBinary !== undefined
      ? await cleanups.add(RedisServer.start(bench.redisBinary, redisFolder), async (started) => {
          await started.stop();
          await removeFolder(redisFolder);
        })
      : undefined;
  if (migrate) await migrateDatabase(url);
  const db = new pg.Client({ connectionString: url });
  db.on('error', () => undefined);
  await cleanups.add(db.connect(), () => db.end().catch(() => undefined));
  await makeWalFiles(db);
  return { databaseUrl: url, postgresPid: server.pid ?? -1, redis: redisServer, db };
}

/**
 * Leaves the server with files of WAL to use again, as one has that has been up for an hour. A new one fills each with zeros first,
 * and all commits wait for that: some 70 ms after every 16 MB, which is each fifth second at 1,000 events a second.
 */
async function makeWalFiles(db: pg.Client): Promise<void> {
  await db.query(`DO $$ BEGIN
    FOR file IN 1..${WAL_FILES} LOOP
      PERFORM pg_logical_emit_message(false, 'bench', 'so that there is something to switch from');
      PERFORM pg_switch_wal();
    END LOOP;
  END $$`);
  // Files before a checkpoint are those that are used again.
  await db.query('CHECKPOINT');
}

export async function readDurability(db: pg.Client): Promise<Durability> {
  const setting = async (name: string): Promise<string> => {
    const { rows } = await db.query<{ value: string }>('SELECT current_setting($1) AS value', [name]);
    return rows[0]?.value ?? 'unknown';
  };
  const { rows } = await db.query<{ persistence: string; tables: string[] }>(
    `SELECT c.relpersistence::text AS persistence, array_agg(c.relname::text ORDER BY c.relname) AS tables
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('public', 'bullmq')
     GROUP BY c.relpersistence`,
  );
  return {
    postgres: await setting('server_version'),
    fsync: await setting('fsync'),
    synchronous_commit: await setting('synchronous_commit'),
    full_page_writes: await setting('full_page_writes'),
    wal_sync_method: await setting('wal_sync_method'),
    tables: Object.fromEntries(rows.map(({ persistence, tables }) => [persistence, tables])),
  };
}

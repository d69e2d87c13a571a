import { cpus } from 'node:os';
import pg from 'pg';

const MAX_LANES = 4;

/**
 * Runs `work` for 0 to `count` - 1 on a few connections at once. They don't wait for the disk at each commit: what is seeded
 * is there before the clock runs, and is on disk by the checkpoint that follows.
 */
export async function onSeedLanes(
  databaseUrl: string,
  count: number,
  work: (db: pg.Client, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    const db = new pg.Client({ connectionString: databaseUrl });
    db.on('error', () => undefined);
    await db.connect();
    try {
      await db.query('SET synchronous_commit = off');
      for (let index = next++; index < count; index = next++) await work(db, index);
    } finally {
      await db.end();
    }
  };
  await Promise.all(Array.from({ length: Math.min(cpus().length, MAX_LANES) }, lane));
}

/** As after some hours of autovacuum: statistics, visibility map, and nothing left for a checkpoint to write. */
export async function settleTables(db: pg.Client): Promise<void> {
  await db.query('VACUUM (ANALYZE)');
  await db.query('CHECKPOINT');
}

import type { DataSource } from 'typeorm';
import { idBoundary } from '../common/ids.js';

const BATCH = 5_000;
const DAY_MS = 24 * 3_600_000;

/**
 * Entries that are older than so many days; the one change that the log's trigger lets pass.
 * @returns how many went; call again until that is 0
 */
export function removeOldEntries(db: DataSource, days: number, nowMs: number): Promise<number> {
  return db.transaction(async (manager) => {
    await manager.query(`SET LOCAL posthaste.audit_retention = 'on'`);
    // By id, which is indexed, and by the database's own time, which the trigger goes by.
    const [, count] = await manager.query<[unknown, number]>(
      `DELETE FROM audit_log WHERE id = ANY (ARRAY(
         SELECT id FROM audit_log WHERE id < $1 AND at < now() - make_interval(days => $2) ORDER BY id LIMIT ${BATCH}))`,
      [idBoundary(nowMs - days * DAY_MS), days],
    );
    return count;
  });
}

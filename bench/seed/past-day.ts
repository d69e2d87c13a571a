import type pg from 'pg';
import { idBoundary } from '../../src/common/ids.js';
import { PARTITIONED_TABLES, partitionName } from '../../src/database/partitions.js';

const DAY_MS = 24 * 3_600_000;

/**
 * A day's tables, empty and without indexes, beside the partitioned ones that `attachDay` hangs them into. An index that is built
 * over a million rows costs a third of one that grows with each.
 */
export async function createDay(db: pg.Client, dayMs: number): Promise<void> {
  for (const table of PARTITIONED_TABLES) {
    const name = partitionName(table, dayMs);
    // Yesterday's is there from the start, and empty.
    await db.query(`DROP TABLE IF EXISTS ${name}`);
    await db.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL EXCLUDING INDEXES)`);
  }
}

/** Makes full partitions of them, with all indexes that the tables have. */
export async function attachDay(db: pg.Client, dayMs: number): Promise<void> {
  await db.query(`SET maintenance_work_mem = '256MB'`);
  for (const table of PARTITIONED_TABLES) {
    await db.query(
      `ALTER TABLE ${table} ATTACH PARTITION ${partitionName(table, dayMs)}
       FOR VALUES FROM ('${idBoundary(dayMs)}') TO ('${idBoundary(dayMs + DAY_MS)}')`,
    );
  }
}

import type { QueryRunner } from 'typeorm';
import { partitionsOf, type PartitionedTable } from './partitions.js';

export interface PartitionedIndex {
  name: string;
  table: PartitionedTable;
  /** All that follows the table's name: `(columns)`, or `USING method (columns) WHERE condition`. */
  definition: string;
}

/**
 * Nobody stands behind an index that waits to be made concurrently, unlike behind other locks; and what it waits for, each query that
 * was there before it, is long with a backup. To begin anew after two seconds would be to build it again and again.
 */
const PATIENCE = '10min';

/**
 * Makes an index of a partitioned table without stopping its writers: an index of each partition, which can be made concurrently,
 * then one of the table that these become parts of. Not within a transaction, and safe to run again after it broke off.
 *
 * A process that makes a partition meanwhile knows nothing of the index; such a partition is found in the last step, empty.
 */
export async function createPartitionedIndex(queryRunner: QueryRunner, index: PartitionedIndex): Promise<void> {
  const { name, table, definition } = index;
  await patiently(queryRunner, async () => {
    for (const partition of await partitionsOf(queryRunner, table)) {
      const part = partName(index, partition);
      // What an earlier try has left unfinished is there and of no use.
      if (await isInvalid(queryRunner, part)) await queryRunner.query(`DROP INDEX CONCURRENTLY ${part}`);
      await queryRunner.query(`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${part} ON ${partition} ${definition}`);
    }
  });
  await queryRunner.startTransaction();
  try {
    await queryRunner.query(`CREATE INDEX ${name} ON ONLY ${table} ${definition}`);
    for (const partition of await partitionsOf(queryRunner, table)) {
      const part = partName(index, partition);
      if (await isAbsent(queryRunner, part)) {
        await queryRunner.query(`CREATE INDEX ${part} ON ${partition} ${definition}`);
      }
      await queryRunner.query(`ALTER INDEX ${name} ATTACH PARTITION ${part}`);
    }
    await queryRunner.commitTransaction();
  } catch (error) {
    await queryRunner.rollbackTransaction();
    throw error;
  }
}

const partName = ({ name, table }: PartitionedIndex, partition: string): string =>
  `${name}${partition.slice(table.length)}`;

async function patiently(queryRunner: QueryRunner, job: () => Promise<void>): Promise<void> {
  const [{ limit }] = (await queryRunner.query(`SELECT current_setting('lock_timeout') AS limit`)) as [
    { limit: string },
  ];
  await queryRunner.query(`SET lock_timeout = '${PATIENCE}'`);
  try {
    await job();
  } finally {
    await queryRunner.query(`SET lock_timeout = '${limit}'`);
  }
}

async function isAbsent(queryRunner: QueryRunner, index: string): Promise<boolean> {
  const [{ absent }] = (await queryRunner.query(`SELECT to_regclass('${index}') IS NULL AS absent`)) as [
    { absent: boolean },
  ];
  return absent;
}

async function isInvalid(queryRunner: QueryRunner, index: string): Promise<boolean> {
  const rows = (await queryRunner.query(
    `SELECT FROM pg_index WHERE indexrelid = to_regclass('${index}') AND NOT indisvalid`,
  )) as unknown[];
  return rows.length > 0;
}

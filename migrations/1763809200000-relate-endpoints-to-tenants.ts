import type { MigrationInterface, QueryRunner } from 'typeorm';
import { partitionsOf } from '../src/database/partitions.js';

/**
 * An endpoint is of one tenant, and every query of a tenant's names both. Taken for independent, as PostgreSQL does by itself, an
 * endpoint's rows look a hundred times fewer than they are, and a page of them was made by sorting all of them. Planned by each
 * partition's own statistics, so each needs them; those to come are made like their table, with what it has.
 */
export class RelateEndpointsToTenants1763809200000 implements MigrationInterface {
  /** ANALYZE lets writers go on, and keeps its lock until the transaction ends. */
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const table of ['deliveries', ...(await partitionsOf(queryRunner, 'deliveries'))]) {
      await queryRunner.query(
        `CREATE STATISTICS IF NOT EXISTS ${table}_endpoint_stat (dependencies) ON tenant_id, endpoint_id FROM ${table}`,
      );
      if (table !== 'deliveries') await queryRunner.query(`ANALYZE ${table}`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const rows = (await queryRunner.query(
      `SELECT s.stxname AS name FROM pg_statistic_ext s
       WHERE s.stxrelid = 'deliveries'::regclass
         OR s.stxrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'deliveries'::regclass)`,
    )) as { name: string }[];
    for (const { name } of rows) await queryRunner.query(`DROP STATISTICS ${name}`);
  }
}

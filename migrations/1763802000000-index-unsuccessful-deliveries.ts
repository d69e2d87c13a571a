import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createPartitionedIndex } from '../src/database/partitioned-index.js';

/**
 * For lists by status: without it the few deliveries that failed are looked for among all that didn't. It costs a delivery that
 * succeeds nothing, as that never enters it.
 */
export class IndexUnsuccessfulDeliveries1763802000000 implements MigrationInterface {
  /** Indexes are made concurrently, which is not possible within one. */
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    await createPartitionedIndex(queryRunner, {
      name: 'deliveries_unsuccessful_idx',
      table: 'deliveries',
      definition: `(tenant_id, status, id) WHERE status IN ('dead_letter', 'cancelled')`,
    });
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX deliveries_unsuccessful_idx`);
  }
}

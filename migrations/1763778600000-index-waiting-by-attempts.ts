import type { MigrationInterface, QueryRunner } from 'typeorm';

export class IndexWaitingByAttempts1763778600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await replaceIndex(queryRunner, 'held_by, endpoint_id, attempts, id');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await replaceIndex(queryRunner, 'held_by, endpoint_id, id');
  }
}

/** First attempts and retries that wait for a place are found apart, each oldest first. */
async function replaceIndex(queryRunner: QueryRunner, columns: string): Promise<void> {
  await queryRunner.query(`DROP INDEX deliveries_held_idx`);
  await queryRunner.query(`
    CREATE INDEX deliveries_held_idx ON deliveries (${columns})
    WHERE status = 'pending' AND held_by IS NOT NULL`);
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many dead letters wait for somebody is asked at each scrape; those that are resolved stay as well, payloads and all. */
export class IndexUnresolvedDeadLetters1763796600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `CREATE INDEX dead_letters_unresolved_idx ON dead_letters (tenant_id, id) WHERE resolved_at IS NULL`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX dead_letters_unresolved_idx`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddRequireSignedPublish1763780400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // A constant default: no row is rewritten, and the lock is held for a moment only.
    await queryRunner.query(`ALTER TABLE tenants ADD COLUMN require_signed_publish boolean NOT NULL DEFAULT false`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE tenants DROP COLUMN require_signed_publish`);
  }
}

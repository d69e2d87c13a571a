import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A key that was rotated ends with its overlap. Without a note of that, rotating it once more took that end for one the key
 * had been made with, and gave the next key a life of its own to run out of.
 */
export class AddApiKeySuccessor1763794800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE api_keys ADD COLUMN replaced_by uuid`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE api_keys DROP COLUMN replaced_by`);
  }
}

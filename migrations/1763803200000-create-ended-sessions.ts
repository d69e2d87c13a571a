import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Sessions that were signed out of before their time; all others are known by their signature alone. Of no tenant, as the
 * operator's are there too, and nothing is asked of it for one: an id says nothing of whose session it was.
 */
export class CreateEndedSessions1763803200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE ended_sessions (
        id uuid CONSTRAINT ended_sessions_pkey PRIMARY KEY,
        expires_at timestamptz(3) NOT NULL
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ended_sessions`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which workers there are, by what they say themselves every few seconds. Unlogged: after a crash of the server they say it
 * again at once.
 */
export class CreateWorkerProcesses1763798400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE UNLOGGED TABLE worker_processes (
        id uuid CONSTRAINT worker_processes_pkey PRIMARY KEY,
        host text NOT NULL,
        pid integer NOT NULL,
        version text NOT NULL,
        started_at timestamptz(3) NOT NULL DEFAULT now(),
        last_seen_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE worker_processes`);
  }
}

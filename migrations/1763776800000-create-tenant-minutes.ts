import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateTenantMinutes1763776800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // A tenant's own rows beside those of its endpoints: a week's statistics are then some 10,000 rows for any number of
    // endpoints. Each row is updated for a minute and never again, which the fill factor leaves room for in its page.
    await queryRunner.query(`
      CREATE TABLE tenant_minutes (
        tenant_id uuid NOT NULL
          CONSTRAINT tenant_minutes_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
        minute timestamptz(0) NOT NULL,
        events integer NOT NULL,
        deliveries integer NOT NULL,
        succeeded integer NOT NULL,
        dead_letter integer NOT NULL,
        cancelled integer NOT NULL,
        attempts_succeeded integer NOT NULL,
        attempts_failed integer NOT NULL,
        latency_counts integer[] NOT NULL,
        CONSTRAINT tenant_minutes_pkey PRIMARY KEY (tenant_id, minute)
      ) WITH (fillfactor = 80)`);
    // To the millisecond: a minute's beginning would lie before the attempt that it tells of.
    await queryRunner.query(`
      ALTER TABLE attempt_minutes
        ADD COLUMN last_success_at timestamptz(3),
        ADD COLUMN last_failure_at timestamptz(3),
        SET (fillfactor = 80)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE attempt_minutes
        DROP COLUMN last_failure_at,
        DROP COLUMN last_success_at,
        RESET (fillfactor)`);
    await queryRunner.query(`DROP TABLE tenant_minutes`);
  }
}

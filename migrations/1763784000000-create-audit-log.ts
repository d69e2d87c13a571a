import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateAuditLog1763784000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // No foreign keys: it outlives what it speaks of, tenants included.
    await queryRunner.query(`
      CREATE TABLE audit_log (
        id uuid CONSTRAINT audit_log_pkey PRIMARY KEY,
        at timestamptz(3) NOT NULL DEFAULT now(),
        actor_kind text NOT NULL
          CONSTRAINT audit_log_actor_kind_check CHECK (actor_kind IN ('operator', 'api_key', 'portal', 'system')),
        actor_id uuid,
        tenant_id uuid,
        action text NOT NULL,
        subject_kind text NOT NULL,
        subject_id uuid NOT NULL,
        request_id text,
        ip text,
        user_agent text,
        changes jsonb NOT NULL DEFAULT '[]'
      )`);
    await queryRunner.query(`CREATE INDEX audit_log_tenant_id_id_idx ON audit_log (tenant_id, id)`);
    await queryRunner.query(`CREATE INDEX audit_log_subject_id_id_idx ON audit_log (subject_id, id)`);

    // Retention says what it is by a setting of its transaction, and even then a row of the last 30 days stays: that is the
    // least that AUDIT_RETENTION_DAYS can be set to.
    await queryRunner.query(`
      CREATE FUNCTION audit_log_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'DELETE' THEN
          IF current_setting('posthaste.audit_retention', true) = 'on' AND OLD.at < now() - interval '30 days' THEN
            RETURN OLD;
          END IF;
        END IF;
        RAISE EXCEPTION 'audit_log is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
      FOR EACH ROW EXECUTE FUNCTION audit_log_refuse_change()`);
    await queryRunner.query(`
      CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
      FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse_change()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE audit_log`);
    await queryRunner.query(`DROP FUNCTION audit_log_refuse_change`);
  }
}

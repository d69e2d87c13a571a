import type { MigrationInterface, QueryRunner } from 'typeorm';

/** `nullif`: once a local setting has been set, its session remembers it as empty and no longer as missing. */
const CURRENT_TENANT = `nullif(current_setting('posthaste.tenant_id', true), '')::uuid`;

/** Tables that tell themselves whose a row is. */
const BY_TENANT_ID = [
  'api_keys',
  'endpoints',
  'events',
  'deliveries',
  'delivery_attempts',
  'dead_letters',
  'replays',
  'idempotency_keys',
  'attempt_minutes',
  'tenant_minutes',
  'endpoint_circuits',
  'audit_log',
];

const POLICIES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(BY_TENANT_ID.map((table) => [table, `tenant_id = ${CURRENT_TENANT}`])),
  tenants: `id = ${CURRENT_TENANT}`,
  circuit_transitions: `EXISTS (
    SELECT FROM endpoints e WHERE e.id = circuit_transitions.endpoint_id AND e.tenant_id = ${CURRENT_TENANT})`,
};

/**
 * A second wall behind the services' own conditions: src/database/tenant-database.ts works as a role that sees the rows of
 * one tenant. The tables' owner, as which all else runs, passes by these policies. They name no role, so they need none to
 * exist: the role belongs to the whole cluster, and making it may not be ours (src/database/tenant-role.ts).
 *
 * Partitions get neither policies nor grants: the parent's hold for what goes through it, and nothing else opens them.
 */
export class AddRowLevelSecurity1763787600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const [table, condition] of Object.entries(POLICIES)) {
      await queryRunner.query(`CREATE POLICY ${table}_of_tenant ON ${table} USING (${condition})`);
      await queryRunner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
    }
  }

  /** The role stays: other databases of the cluster may have it in use. */
  async down(queryRunner: QueryRunner): Promise<void> {
    const tables = Object.keys(POLICIES);
    await queryRunner.query(`
      DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posthaste_tenant') THEN
          REVOKE ALL ON ${tables.join(', ')} FROM posthaste_tenant;
        END IF;
      END $$`);
    for (const table of tables) {
      await queryRunner.query(`ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`);
      await queryRunner.query(`DROP POLICY ${table}_of_tenant ON ${table}`);
    }
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateCircuitsAndReplays1763773200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // A row only for endpoints that have ever failed: a healthy one costs no write.
    await queryRunner.query(`
      CREATE TABLE endpoint_circuits (
        endpoint_id uuid CONSTRAINT endpoint_circuits_pkey PRIMARY KEY
          CONSTRAINT endpoint_circuits_endpoint_id_fkey REFERENCES endpoints (id) ON DELETE CASCADE,
        tenant_id uuid NOT NULL,
        state text NOT NULL DEFAULT 'closed'
          CONSTRAINT endpoint_circuits_state_check CHECK (state IN ('closed', 'open', 'half_open')),
        consecutive_failures integer NOT NULL DEFAULT 0,
        failing_since timestamptz(3),
        last_success_at timestamptz(3),
        last_failure_at timestamptz(3),
        opened_at timestamptz(3),
        closed_at timestamptz(3),
        open_seconds integer NOT NULL DEFAULT 0,
        next_probe_at timestamptz(3),
        probe_delivery_id uuid
      ) WITH (fillfactor = 70)`);
    await queryRunner.query(
      `CREATE INDEX endpoint_circuits_next_probe_at_idx ON endpoint_circuits (next_probe_at) WHERE state <> 'closed'`,
    );
    await queryRunner.query(`
      CREATE TABLE circuit_transitions (
        id uuid CONSTRAINT circuit_transitions_pkey PRIMARY KEY,
        endpoint_id uuid NOT NULL
          CONSTRAINT circuit_transitions_endpoint_id_fkey REFERENCES endpoints (id) ON DELETE CASCADE,
        state text NOT NULL
          CONSTRAINT circuit_transitions_state_check CHECK (state IN ('closed', 'open', 'half_open')),
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(
      `CREATE INDEX circuit_transitions_endpoint_id_id_idx ON circuit_transitions (endpoint_id, id)`,
    );

    // Attempts by minute, so that rates and latencies are read from few rows and never from the attempts themselves.
    await queryRunner.query(`
      CREATE TABLE attempt_minutes (
        tenant_id uuid NOT NULL,
        endpoint_id uuid NOT NULL,
        minute timestamptz(0) NOT NULL,
        succeeded integer NOT NULL,
        failed integer NOT NULL,
        latency_counts integer[] NOT NULL,
        CONSTRAINT attempt_minutes_pkey PRIMARY KEY (endpoint_id, minute)
      )`);

    await queryRunner.query(`
      CREATE TABLE replays (
        id uuid CONSTRAINT replays_pkey PRIMARY KEY,
        tenant_id uuid NOT NULL CONSTRAINT replays_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
        kind text NOT NULL CONSTRAINT replays_kind_check CHECK (kind IN ('endpoint', 'dead_letters')),
        endpoint_id uuid,
        filter jsonb NOT NULL,
        status text NOT NULL DEFAULT 'running'
          CONSTRAINT replays_status_check CHECK (status IN ('running', 'completed', 'failed')),
        total integer NOT NULL,
        done integer NOT NULL DEFAULT 0,
        failed integer NOT NULL DEFAULT 0,
        last_id uuid,
        error text,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        finished_at timestamptz(3)
      )`);
    await queryRunner.query(`CREATE INDEX replays_tenant_id_id_idx ON replays (tenant_id, id)`);
    await queryRunner.query(`CREATE INDEX replays_running_idx ON replays (updated_at) WHERE status = 'running'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE replays, attempt_minutes, circuit_transitions, endpoint_circuits`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * `events`, `deliveries` and `delivery_attempts` are partitioned by day on the id: a range of UUIDv7s is a range of time,
 * the key stays `id`, and retention is DROP TABLE. They have no foreign keys among them, which would make that DROP fail.
 * The default partitions catch rows whose day has no partition yet; src/database/partitions.ts makes the days.
 */
export class CreateCoreTables1763769600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE tenants (
        id uuid CONSTRAINT tenants_pkey PRIMARY KEY,
        name text NOT NULL,
        email text,
        status text NOT NULL DEFAULT 'active' CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended')),
        rate_limit integer,
        delivery_rate_limit integer,
        retry_policy jsonb,
        retention_days integer,
        secret_key_sealed text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      )`);

    await queryRunner.query(`
      CREATE TABLE api_keys (
        id uuid CONSTRAINT api_keys_pkey PRIMARY KEY,
        tenant_id uuid NOT NULL CONSTRAINT api_keys_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
        name text NOT NULL,
        prefix text NOT NULL,
        key_hash bytea NOT NULL,
        scopes text[] NOT NULL,
        expires_at timestamptz(3),
        last_used_at timestamptz(3),
        revoked_at timestamptz(3),
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(`CREATE UNIQUE INDEX api_keys_key_hash_key ON api_keys (key_hash)`);
    await queryRunner.query(`CREATE INDEX api_keys_tenant_id_idx ON api_keys (tenant_id)`);

    await queryRunner.query(`
      CREATE TABLE endpoints (
        id uuid CONSTRAINT endpoints_pkey PRIMARY KEY,
        tenant_id uuid NOT NULL CONSTRAINT endpoints_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
        url text NOT NULL,
        description text,
        event_types text[] NOT NULL DEFAULT '{}',
        is_active boolean NOT NULL DEFAULT true,
        headers_sealed text,
        header_names text[] NOT NULL DEFAULT '{}',
        rate_limit integer,
        timeout_ms integer NOT NULL DEFAULT 15000,
        retry_policy jsonb,
        signature text NOT NULL DEFAULT 'standard'
          CONSTRAINT endpoints_signature_check CHECK (signature IN ('standard', 'standard-ed25519', 'sha256')),
        format text NOT NULL DEFAULT 'envelope'
          CONSTRAINT endpoints_format_check CHECK (format IN ('envelope', 'payload')),
        secret_sealed text,
        retired_secrets jsonb NOT NULL DEFAULT '[]',
        disabled_reason text,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(`CREATE INDEX endpoints_tenant_id_id_idx ON endpoints (tenant_id, id)`);

    await queryRunner.query(`
      CREATE TABLE events (
        id uuid CONSTRAINT events_pkey PRIMARY KEY,
        tenant_id uuid NOT NULL,
        event_id text,
        event_type text NOT NULL,
        source text,
        payload text NOT NULL,
        traceparent text NOT NULL,
        created_at timestamptz(3) NOT NULL
      ) PARTITION BY RANGE (id)`);
    await queryRunner.query(`CREATE INDEX events_tenant_id_id_idx ON events (tenant_id, id)`);
    await queryRunner.query(
      `CREATE INDEX events_tenant_id_event_id_idx ON events (tenant_id, event_id) WHERE event_id IS NOT NULL`,
    );
    await queryRunner.query(`CREATE TABLE events_default PARTITION OF events DEFAULT`);

    await queryRunner.query(`
      CREATE TABLE idempotency_keys (
        tenant_id uuid NOT NULL,
        kind text NOT NULL,
        key text NOT NULL,
        event_id uuid NOT NULL,
        content_hash bytea NOT NULL,
        deliveries integer NOT NULL,
        own_event_id text,
        expires_at timestamptz(3) NOT NULL,
        CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, kind, key)
      )`);
    await queryRunner.query(`CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at)`);

    await queryRunner.query(`
      CREATE TABLE deliveries (
        id uuid CONSTRAINT deliveries_pkey PRIMARY KEY,
        tenant_id uuid NOT NULL,
        event_id uuid NOT NULL,
        endpoint_id uuid NOT NULL,
        dead_letter_id uuid,
        event_type text NOT NULL,
        status text NOT NULL DEFAULT 'pending'
          CONSTRAINT deliveries_status_check CHECK (status IN ('pending', 'succeeded', 'dead_letter', 'cancelled')),
        held_by text CONSTRAINT deliveries_held_by_check
          CHECK (held_by IN ('circuit', 'rate_limit', 'disabled', 'suspended', 'fairness')),
        settled_status text,
        tokens_booked boolean NOT NULL DEFAULT false,
        attempts integer NOT NULL DEFAULT 0,
        max_attempts integer NOT NULL,
        lease_no integer NOT NULL DEFAULT 0,
        leased_until timestamptz(3),
        next_attempt_at timestamptz(3),
        last_status_code integer,
        last_error text,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        completed_at timestamptz(3)
      ) PARTITION BY RANGE (id)`);
    await queryRunner.query(`CREATE INDEX deliveries_tenant_id_id_idx ON deliveries (tenant_id, id)`);
    await queryRunner.query(`CREATE INDEX deliveries_event_id_idx ON deliveries (event_id)`);
    await queryRunner.query(`CREATE INDEX deliveries_endpoint_id_id_idx ON deliveries (endpoint_id, id)`);
    // A pending delivery stands in exactly one of these three: due at a time, leased to the queue, or held back.
    await queryRunner.query(`
      CREATE INDEX deliveries_due_idx ON deliveries (next_attempt_at, endpoint_id)
      WHERE status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL`);
    await queryRunner.query(`
      CREATE INDEX deliveries_leased_idx ON deliveries (leased_until, endpoint_id, tenant_id)
      WHERE status = 'pending' AND leased_until IS NOT NULL`);
    await queryRunner.query(`
      CREATE INDEX deliveries_held_idx ON deliveries (held_by, endpoint_id, id)
      WHERE status = 'pending' AND held_by IS NOT NULL`);
    await queryRunner.query(`CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT`);

    await queryRunner.query(`
      CREATE TABLE delivery_attempts (
        id uuid CONSTRAINT delivery_attempts_pkey PRIMARY KEY,
        tenant_id uuid NOT NULL,
        delivery_id uuid NOT NULL,
        endpoint_id uuid NOT NULL,
        attempt integer NOT NULL,
        outcome text NOT NULL
          CONSTRAINT delivery_attempts_outcome_check CHECK (outcome IN ('succeeded', 'failed')),
        status_code integer,
        error text,
        url text NOT NULL,
        request_headers json NOT NULL,
        format text NOT NULL,
        response_headers json,
        response_body text,
        response_truncated boolean NOT NULL DEFAULT false,
        duration_ms integer NOT NULL,
        created_at timestamptz(3) NOT NULL
      ) PARTITION BY RANGE (id)`);
    await queryRunner.query(`CREATE INDEX delivery_attempts_delivery_id_idx ON delivery_attempts (delivery_id)`);
    await queryRunner.query(`CREATE TABLE delivery_attempts_default PARTITION OF delivery_attempts DEFAULT`);

    await queryRunner.query(`
      CREATE TABLE dead_letters (
        id uuid CONSTRAINT dead_letters_pkey PRIMARY KEY,
        tenant_id uuid NOT NULL CONSTRAINT dead_letters_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
        delivery_id uuid NOT NULL,
        event_id uuid NOT NULL,
        endpoint_id uuid NOT NULL,
        event_type text NOT NULL,
        source text,
        payload text NOT NULL,
        traceparent text NOT NULL,
        event_created_at timestamptz(3) NOT NULL,
        reason text NOT NULL CONSTRAINT dead_letters_reason_check
          CHECK (reason IN ('attempts_exhausted', 'gone', 'endpoint_disabled', 'address_refused', 'expired')),
        attempts integer NOT NULL,
        last_status_code integer,
        last_error text,
        resolved_at timestamptz(3),
        resolution text,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(`CREATE INDEX dead_letters_tenant_id_id_idx ON dead_letters (tenant_id, id)`);
    await queryRunner.query(`CREATE UNIQUE INDEX dead_letters_delivery_id_key ON dead_letters (delivery_id)`);

    // Unlogged: after a crash every bucket is full again, which is what an unknown key means anyway.
    await queryRunner.query(`
      CREATE UNLOGGED TABLE token_buckets (
        key text CONSTRAINT token_buckets_pkey PRIMARY KEY,
        tokens double precision NOT NULL,
        updated_at timestamptz NOT NULL
      ) WITH (fillfactor = 50)`);

    // Tenants that were deleted and whose rows in the partitioned tables are still to be removed, in batches.
    await queryRunner.query(`
      CREATE TABLE tenant_removals (
        tenant_id uuid CONSTRAINT tenant_removals_pkey PRIMARY KEY,
        requested_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `DROP TABLE tenant_removals, token_buckets, dead_letters, delivery_attempts, deliveries, idempotency_keys, events, endpoints, api_keys, tenants`,
    );
  }
}

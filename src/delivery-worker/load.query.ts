import type { DataSource } from 'typeorm';
import type { CircuitState } from '../circuit-breaker/endpoint-circuit.entity.js';
import type { DeliveryStatus } from '../deliveries/delivery.entity.js';
import type { RetryPolicy } from '../deliveries/retry-policy.js';
import type { BodyFormat, RetiredSecret } from '../endpoints/endpoint.entity.js';
import type { SignatureScheme } from '../signing/signature.js';
import type { TenantStatus } from '../tenants/tenant.entity.js';
import type { DeliveryJob } from '../queue/delivery-queue.js';

/** All that an attempt needs to know, as it is at this moment; times are the database's. */
export interface LoadedDelivery {
  id: string;
  tenant_id: string;
  event_id: string;
  endpoint_id: string;
  dead_letter_id: string | null;
  settled_status: DeliveryStatus | null;
  tokens_booked: boolean;
  attempts: number;
  lease_no: number;
  /** Until the lease runs out; negative when it has. */
  lease_left_ms: number;
  age_ms: number;
  /** The database's clock, in ms since the epoch: signatures are dated by it, whatever this machine's clock says. */
  now_ms: number;

  /** Null when the event's partition was dropped and no dead letter kept the payload. */
  payload: string | null;
  event_type: string | null;
  source: string | null;
  traceparent: string | null;
  event_created_at: Date | null;

  /** Null when the endpoint was deleted, and so for the rest of its columns. */
  url: string | null;
  is_active: boolean;
  disabled_reason: string | null;
  headers_sealed: string | null;
  header_names: string[];
  rate_limit: number | null;
  timeout_ms: number;
  retry_policy: RetryPolicy | null;
  signature: SignatureScheme;
  format: BodyFormat;
  secret_sealed: string | null;
  retired_secrets: RetiredSecret[];

  /** Null when the endpoint has never failed. */
  circuit_state: CircuitState | null;
  circuit_failures: number;
  circuit_probe_delivery_id: string | null;
  circuit_probe_due: boolean;

  /** Null when the tenant was deleted. */
  tenant_status: TenantStatus | null;
  tenant_retry_policy: RetryPolicy | null;
  tenant_delivery_rate_limit: number | null;
  tenant_secret_key_sealed: string;
}

/**
 * Loads the deliveries of many jobs at once. Those that are settled, or whose lease is another's, are left out: their jobs
 * are void. The ids of deliveries and events are given as arrays so that the planner prunes to their partitions.
 */
export async function loadDeliveries(db: DataSource, jobs: DeliveryJob[]): Promise<Map<string, LoadedDelivery>> {
  const rows = await db.query<LoadedDelivery[]>(
    `SELECT d.id, d.tenant_id, d.event_id, d.endpoint_id, d.dead_letter_id, d.settled_status, d.tokens_booked, d.attempts, d.lease_no,
       (extract(epoch FROM d.leased_until - clock_timestamp()) * 1000)::float8 AS lease_left_ms,
       (extract(epoch FROM clock_timestamp() - d.created_at) * 1000)::float8 AS age_ms,
       (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms,
       v.payload, v.event_type, v.source, v.traceparent, v.created_at AS event_created_at,
       e.url, e.is_active, e.disabled_reason, e.headers_sealed, e.header_names, e.rate_limit, e.timeout_ms,
       e.retry_policy, e.signature, e.format, e.secret_sealed, e.retired_secrets,
       c.state AS circuit_state, coalesce(c.consecutive_failures, 0) AS circuit_failures,
       c.probe_delivery_id AS circuit_probe_delivery_id, coalesce(c.next_probe_at <= now(), false) AS circuit_probe_due,
       t.status AS tenant_status, t.retry_policy AS tenant_retry_policy,
       t.delivery_rate_limit AS tenant_delivery_rate_limit, t.secret_key_sealed AS tenant_secret_key_sealed
     FROM deliveries d
     LEFT JOIN events v ON v.id = d.event_id AND v.id = ANY($2::uuid[])
     LEFT JOIN endpoints e ON e.id = d.endpoint_id
     LEFT JOIN tenants t ON t.id = d.tenant_id
     LEFT JOIN endpoint_circuits c ON c.endpoint_id = d.endpoint_id
     WHERE d.id = ANY($1::uuid[]) AND d.status = 'pending' AND d.leased_until IS NOT NULL`,
    [jobs.map((job) => job.deliveryId), jobs.map((job) => job.eventId)],
  );
  // By lease, not by delivery alone: a void job may be looked up together with the one that replaced it.
  const leases = new Set(jobs.map(({ deliveryId, leaseNo }) => `${deliveryId} ${leaseNo}`));
  const byId = new Map(rows.filter((row) => leases.has(`${row.id} ${row.lease_no}`)).map((row) => [row.id, row]));
  await fillFromDeadLetters(
    db,
    [...byId.values()].filter((row) => row.payload === null),
  );
  return byId;
}

/** A dead letter outlives its event's partition, and its retry is fed from it. */
async function fillFromDeadLetters(db: DataSource, deliveries: LoadedDelivery[]): Promise<void> {
  if (deliveries.length === 0) return;
  const letters = await db.query<
    (Pick<LoadedDelivery, 'payload' | 'event_type' | 'source' | 'traceparent' | 'event_created_at'> & {
      id: string;
      delivery_id: string;
    })[]
  >(
    `SELECT id, delivery_id, payload, event_type, source, traceparent, event_created_at
     FROM dead_letters WHERE id = ANY($1::uuid[]) OR delivery_id = ANY($2::uuid[])`,
    [deliveries.map((d) => d.dead_letter_id).filter((id) => id !== null), deliveries.map((d) => d.id)],
  );
  for (const delivery of deliveries) {
    const letter = letters.find(({ id, delivery_id }) => id === delivery.dead_letter_id || delivery_id === delivery.id);
    if (letter === undefined) continue;
    const { payload, event_type, source, traceparent, event_created_at } = letter;
    Object.assign(delivery, { payload, event_type, source, traceparent, event_created_at });
  }
}

/**
 * Makes a lease last for another `leaseSeconds`, where the rest of it is too short for an attempt.
 * @returns those whose lease was still the job's
 */
export async function extendLeases<Held extends { id: string; lease_no: number }>(
  db: DataSource,
  deliveries: readonly Held[],
  leaseSeconds: number,
): Promise<Set<Held>> {
  const [rows] = await db.query<[{ id: string; lease_no: number }[], number]>(
    `UPDATE deliveries d SET leased_until = now() + make_interval(secs => $3)
     FROM unnest($1::uuid[], $2::int[]) AS job (id, lease_no)
     WHERE d.id = job.id AND d.id = ANY($1::uuid[]) AND d.lease_no = job.lease_no
       AND d.status = 'pending' AND d.leased_until IS NOT NULL
     RETURNING d.id, d.lease_no`,
    [deliveries.map(({ id }) => id), deliveries.map(({ lease_no }) => lease_no), leaseSeconds],
  );
  const extended = new Set(rows.map(({ id, lease_no }) => `${id} ${lease_no}`));
  return new Set(deliveries.filter(({ id, lease_no }) => extended.has(`${id} ${lease_no}`)));
}

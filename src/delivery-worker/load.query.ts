import type { DataSource } from 'typeorm';
import { ints, uuids } from '../database/binary-arrays.js';
import { rangeOf } from '../database/id-range.js';
import { prepared } from '../database/prepared-statements.js';
import type { CircuitState } from '../circuit-breaker/endpoint-circuit.entity.js';
import type { DeliveryStatus } from '../deliveries/delivery.entity.js';
import { leasedById } from '../deliveries/leased-by-id.js';
import type { RetryPolicy } from '../deliveries/retry-policy.js';
import type { BodyFormat, EndpointCertificates, RetiredSecret } from '../endpoints/endpoint.entity.js';
import type { SignatureScheme } from '../signing/signature.js';
import type { TenantStatus } from '../tenants/tenant.entity.js';
import type { LeasedDelivery } from '../queue/delivery-queue.js';

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
  tls: EndpointCertificates | null;
  tls_key_sealed: string | null;

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

type DeliveryRow = Pick<
  LoadedDelivery,
  | 'id'
  | 'tenant_id'
  | 'event_id'
  | 'endpoint_id'
  | 'dead_letter_id'
  | 'settled_status'
  | 'tokens_booked'
  | 'attempts'
  | 'lease_no'
  | 'age_ms'
  | 'now_ms'
> & { status: DeliveryStatus; lease_left_ms: number | null };

type EventRow = Pick<LoadedDelivery, 'payload' | 'event_type' | 'source' | 'traceparent' | 'event_created_at'>;

type EndpointRow = Omit<LoadedDelivery, keyof DeliveryRow | keyof EventRow>;

/** What a delivery is loaded with whose event's partition was dropped. */
const NO_EVENT: EventRow = {
  payload: null,
  event_type: null,
  source: null,
  traceparent: null,
  event_created_at: null,
};

/** What a delivery is loaded with whose endpoint was deleted: nothing of it matters but that. */
const NO_ENDPOINT: EndpointRow = {
  url: null,
  is_active: false,
  disabled_reason: null,
  headers_sealed: null,
  header_names: [],
  rate_limit: null,
  timeout_ms: 0,
  retry_policy: null,
  signature: 'standard',
  format: 'envelope',
  secret_sealed: null,
  retired_secrets: [],
  tls: null,
  tls_key_sealed: null,
  circuit_state: null,
  circuit_failures: 0,
  circuit_probe_delivery_id: null,
  circuit_probe_due: false,
  tenant_status: null,
  tenant_retry_policy: null,
  tenant_delivery_rate_limit: null,
  tenant_secret_key_sealed: '',
};

/**
 * Loads leased deliveries, many at once. Those that are settled, or whose lease is another's, are left out.
 *
 * Three statements rather than a join: an event or endpoint that several of them share is read and sent once, and each is a
 * plain look-up by ids, which prunes to their partitions and costs the planner next to nothing.
 */
export async function loadDeliveries(db: DataSource, leases: LeasedDelivery[]): Promise<Map<string, LoadedDelivery>> {
  const [deliveries, events, endpoints] = await Promise.all([
    findDeliveries(
      db,
      leases.map(({ deliveryId }) => deliveryId),
    ),
    findEvents(db, [...new Set(leases.map(({ eventId }) => eventId))]),
    findEndpoints(db, [...new Set(leases.map(({ endpointId }) => endpointId))]),
  ]);
  // By lease, not by delivery alone: a void job may be looked up together with the one that replaced it.
  const asked = new Set(leases.map(({ deliveryId, leaseNo }) => `${deliveryId} ${leaseNo}`));
  const loaded = new Map<string, LoadedDelivery>();
  for (const delivery of deliveries) {
    const { id, status, lease_left_ms, lease_no } = delivery;
    if (status !== 'pending' || lease_left_ms === null || !asked.has(`${id} ${lease_no}`)) continue;
    const event = events.get(delivery.event_id) ?? NO_EVENT;
    const endpoint = endpoints.get(delivery.endpoint_id) ?? NO_ENDPOINT;
    loaded.set(id, join(delivery, lease_left_ms, event, endpoint));
  }
  await fillFromDeadLetters(
    db,
    [...loaded.values()].filter((delivery) => delivery.payload === null),
  );
  return loaded;
}

/** Field by field: an object of so many that is put together by spreading costs ten times as much, and each look at it more. */
function join(delivery: DeliveryRow, leaseLeftMs: number, event: EventRow, endpoint: EndpointRow): LoadedDelivery {
  return {
    id: delivery.id,
    tenant_id: delivery.tenant_id,
    event_id: delivery.event_id,
    endpoint_id: delivery.endpoint_id,
    dead_letter_id: delivery.dead_letter_id,
    settled_status: delivery.settled_status,
    tokens_booked: delivery.tokens_booked,
    attempts: delivery.attempts,
    lease_no: delivery.lease_no,
    lease_left_ms: leaseLeftMs,
    age_ms: delivery.age_ms,
    now_ms: delivery.now_ms,
    payload: event.payload,
    event_type: event.event_type,
    source: event.source,
    traceparent: event.traceparent,
    event_created_at: event.event_created_at,
    url: endpoint.url,
    is_active: endpoint.is_active,
    disabled_reason: endpoint.disabled_reason,
    headers_sealed: endpoint.headers_sealed,
    header_names: endpoint.header_names,
    rate_limit: endpoint.rate_limit,
    timeout_ms: endpoint.timeout_ms,
    retry_policy: endpoint.retry_policy,
    signature: endpoint.signature,
    format: endpoint.format,
    secret_sealed: endpoint.secret_sealed,
    retired_secrets: endpoint.retired_secrets,
    tls: endpoint.tls,
    tls_key_sealed: endpoint.tls_key_sealed,
    circuit_state: endpoint.circuit_state,
    circuit_failures: endpoint.circuit_failures,
    circuit_probe_delivery_id: endpoint.circuit_probe_delivery_id,
    circuit_probe_due: endpoint.circuit_probe_due,
    tenant_status: endpoint.tenant_status,
    tenant_retry_policy: endpoint.tenant_retry_policy,
    tenant_delivery_rate_limit: endpoint.tenant_delivery_rate_limit,
    tenant_secret_key_sealed: endpoint.tenant_secret_key_sealed,
  };
}

const FIND_DELIVERIES =
  prepared(`SELECT id, tenant_id, event_id, endpoint_id, dead_letter_id, status, settled_status, tokens_booked, attempts, lease_no,
    (extract(epoch FROM leased_until - clock_timestamp()) * 1000)::float8 AS lease_left_ms,
    (extract(epoch FROM clock_timestamp() - created_at) * 1000)::float8 AS age_ms,
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms
  FROM deliveries WHERE id = ANY($1::uuid[]) AND id BETWEEN $2 AND $3`);

/** Status and lease are looked at by the caller: as conditions they would lure the planner into the index of all leased. */
function findDeliveries(db: DataSource, ids: string[]): Promise<DeliveryRow[]> {
  return db.query<DeliveryRow[]>(FIND_DELIVERIES, [uuids(ids), ...rangeOf(ids)]);
}

const FIND_EVENTS = prepared(`SELECT id, payload, event_type, source, traceparent, created_at AS event_created_at
  FROM events WHERE id = ANY($1::uuid[]) AND id BETWEEN $2 AND $3`);

async function findEvents(db: DataSource, ids: string[]): Promise<Map<string, EventRow>> {
  const rows = await db.query<(EventRow & { id: string })[]>(FIND_EVENTS, [uuids(ids), ...rangeOf(ids)]);
  return new Map(rows.map((event) => [event.id, event]));
}

const FIND_ENDPOINTS =
  prepared(`SELECT e.id, e.url, e.is_active, e.disabled_reason, e.headers_sealed, e.header_names, e.rate_limit, e.timeout_ms,
    e.retry_policy, e.signature, e.format, e.secret_sealed, e.retired_secrets, e.tls, e.tls_key_sealed,
    c.state AS circuit_state, coalesce(c.consecutive_failures, 0) AS circuit_failures,
    c.probe_delivery_id AS circuit_probe_delivery_id, coalesce(c.next_probe_at <= now(), false) AS circuit_probe_due,
    t.status AS tenant_status, t.retry_policy AS tenant_retry_policy,
    t.delivery_rate_limit AS tenant_delivery_rate_limit, t.secret_key_sealed AS tenant_secret_key_sealed
  FROM endpoints e
  JOIN tenants t ON t.id = e.tenant_id
  LEFT JOIN endpoint_circuits c ON c.endpoint_id = e.id
  WHERE e.id = ANY($1::uuid[])`);

async function findEndpoints(db: DataSource, ids: string[]): Promise<Map<string, EndpointRow>> {
  const rows = await db.query<(EndpointRow & { id: string })[]>(FIND_ENDPOINTS, [uuids(ids)]);
  return new Map(rows.map((endpoint) => [endpoint.id, endpoint]));
}

/** A dead letter outlives its event's partition, and its retry is fed from it. */
async function fillFromDeadLetters(db: DataSource, deliveries: LoadedDelivery[]): Promise<void> {
  if (deliveries.length === 0) return;
  const letters = await db.query<
    Pick<LoadedDelivery, 'event_id' | 'payload' | 'event_type' | 'source' | 'traceparent' | 'event_created_at'>[]
  >(
    `SELECT DISTINCT ON (event_id) event_id, payload, event_type, source, traceparent, event_created_at
     FROM dead_letters WHERE event_id = ANY($1::uuid[])`,
    [deliveries.map((d) => d.event_id)],
  );
  for (const delivery of deliveries) {
    const letter = letters.find(({ event_id }) => event_id === delivery.event_id);
    if (letter === undefined) continue;
    const { payload, event_type, source, traceparent, event_created_at } = letter;
    Object.assign(delivery, { payload, event_type, source, traceparent, event_created_at });
  }
}

const EXTEND_LEASES = prepared(`UPDATE deliveries d SET leased_until = now() + make_interval(secs => $4)
  FROM unnest($1::uuid[], $2::int[]) AS job (id, lease_no)
  WHERE d.id = job.id AND d.lease_no = job.lease_no AND ${leasedById('$1', '$3')}
  RETURNING d.id, d.lease_no`);

/**
 * Makes a lease last for another `leaseSeconds`, where the rest of it is too short for an attempt.
 * @returns those whose lease was still the job's
 */
export async function extendLeases<Held extends { id: string; lease_no: number }>(
  db: DataSource,
  deliveries: readonly Held[],
  leaseSeconds: number,
): Promise<Set<Held>> {
  const ids = deliveries.map(({ id }) => id);
  const leaseNos = deliveries.map(({ lease_no }) => lease_no);
  const [rows] = await db.query<[{ id: string; lease_no: number }[], number]>(EXTEND_LEASES, [
    uuids(ids),
    ints(leaseNos),
    rangeOf(ids)[0],
    leaseSeconds,
  ]);
  const extended = new Set(rows.map(({ id, lease_no }) => `${id} ${lease_no}`));
  return new Set(deliveries.filter(({ id, lease_no }) => extended.has(`${id} ${lease_no}`)));
}

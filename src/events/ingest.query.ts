import type { DataSource, EntityManager } from 'typeorm';
import { booleans, byteas, floats, ints, texts, times, uuids } from '../database/binary-arrays.js';
import { prepared } from '../database/prepared-statements.js';
import type { HoldReason } from '../deliveries/delivery.entity.js';
import type { RetryPolicy } from '../deliveries/retry-policy.js';
import type { IdempotencyKind } from './idempotency-key.entity.js';

/** How long a key is remembered, in hours. */
const IDEMPOTENCY_WINDOW_HOURS = 24;

export interface FanOutEndpoint {
  id: string;
  tenant_id: string;
  event_types: string[];
  is_active: boolean;
  retry_policy: RetryPolicy | null;
  tenant_retry_policy: RetryPolicy | null;
  /** Its circuit is open and no probe is due: its deliveries wait. */
  circuit_open: boolean;
}

const FIND_ENDPOINTS =
  prepared(`SELECT e.id, e.tenant_id, e.event_types, e.is_active, e.retry_policy, t.retry_policy AS tenant_retry_policy,
    coalesce(c.state <> 'closed' AND c.next_probe_at > now(), false) AS circuit_open
  FROM endpoints e
  JOIN tenants t ON t.id = e.tenant_id
  LEFT JOIN endpoint_circuits c ON c.endpoint_id = e.id
  WHERE e.tenant_id = ANY($1::uuid[])
  ORDER BY e.id`);

/** All endpoints of these tenants, asked at each flush: an endpoint made a moment ago on another process gets its events. */
export function findEndpoints(db: DataSource | EntityManager, tenantIds: string[]): Promise<FanOutEndpoint[]> {
  return db.query<FanOutEndpoint[]>(FIND_ENDPOINTS, [uuids(tenantIds)]);
}

export interface KeyClaim {
  tenantId: string;
  kind: IdempotencyKind;
  key: string;
  eventId: string;
  contentHash: Buffer;
  deliveries: number;
  ownEventId: string | null;
}

export interface KeyRow {
  tenant_id: string;
  kind: IdempotencyKind;
  key: string;
  event_id: string;
}

const CLAIM_KEYS = prepared(`INSERT INTO idempotency_keys AS held
    (tenant_id, kind, key, event_id, content_hash, deliveries, own_event_id, expires_at)
  SELECT tenant_id, kind, key, event_id, content_hash, deliveries, own_event_id,
    now() + make_interval(hours => ${IDEMPOTENCY_WINDOW_HOURS})
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bytea[], $6::int[], $7::text[])
    AS claim (tenant_id, kind, key, event_id, content_hash, deliveries, own_event_id)
  ORDER BY tenant_id, kind, key
  ON CONFLICT (tenant_id, kind, key) DO UPDATE SET
    event_id = excluded.event_id, content_hash = excluded.content_hash, deliveries = excluded.deliveries,
    own_event_id = excluded.own_event_id, expires_at = excluded.expires_at
  WHERE held.expires_at <= now()
  RETURNING tenant_id, kind, key, event_id`);

/**
 * Claims keys for events. A key that another event holds comes back without a row; when that event is being committed right
 * now, this waits for it. Sorted, because two batches that claim the same keys in different orders would deadlock.
 */
export function claimKeys(manager: EntityManager, claims: KeyClaim[]): Promise<KeyRow[]> {
  return manager.query<KeyRow[]>(CLAIM_KEYS, [
    uuids(claims.map((claim) => claim.tenantId)),
    texts(claims.map((claim) => claim.kind)),
    texts(claims.map((claim) => claim.key)),
    uuids(claims.map((claim) => claim.eventId)),
    byteas(claims.map((claim) => claim.contentHash)),
    ints(claims.map((claim) => claim.deliveries)),
    texts(claims.map((claim) => claim.ownEventId)),
  ]);
}

export interface KeyHolder extends KeyRow {
  content_hash: Buffer;
  deliveries: number;
  own_event_id: string | null;
}

export interface KeyRef {
  tenantId: string;
  kind: IdempotencyKind;
  key: string;
}

/** The events that hold these keys. */
export function findKeyHolders(manager: EntityManager, keys: KeyRef[]): Promise<KeyHolder[]> {
  return manager.query<KeyHolder[]>(
    `SELECT k.tenant_id, k.kind, k.key, k.event_id, k.content_hash, k.deliveries, k.own_event_id
     FROM unnest($1::uuid[], $2::text[], $3::text[]) AS wanted (tenant_id, kind, key)
     JOIN idempotency_keys k USING (tenant_id, kind, key)
     WHERE k.expires_at > now()`,
    [keys.map((k) => k.tenantId), keys.map((k) => k.kind), keys.map((k) => k.key)],
  );
}

/** Gives back what events claimed that were not accepted after all, because their other key is held. */
export async function releaseClaims(manager: EntityManager, rows: KeyRow[]): Promise<void> {
  await manager.query(
    `DELETE FROM idempotency_keys k
     USING unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS claim (tenant_id, kind, key, event_id)
     WHERE k.tenant_id = claim.tenant_id AND k.kind = claim.kind AND k.key = claim.key AND k.event_id = claim.event_id`,
    [rows.map((r) => r.tenant_id), rows.map((r) => r.kind), rows.map((r) => r.key), rows.map((r) => r.event_id)],
  );
}

export interface NewEvent {
  id: string;
  tenantId: string;
  eventId: string | null;
  eventType: string;
  source: string | null;
  payload: string;
  traceparent: string;
  createdAt: Date;
}

export interface NewDelivery {
  id: string;
  tenantId: string;
  eventId: string;
  endpointId: string;
  eventType: string;
  maxAttempts: number;
  /** Before the first attempt. */
  waitMs: number;
  heldBy: HoldReason | null;
  /** Whether it goes to the queue straight after the commit. */
  leased: boolean;
}

const INSERT_EVENTS = prepared(`WITH event AS (
    INSERT INTO events (id, tenant_id, event_id, event_type, source, payload, traceparent, created_at)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
      $8::timestamptz[])
  )
  INSERT INTO deliveries
    (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, held_by, lease_no, leased_until, next_attempt_at)
  SELECT id, tenant_id, event_id, endpoint_id, event_type, max_attempts, held_by,
    leased::int,
    CASE WHEN leased THEN now() + make_interval(secs => $18) END,
    CASE WHEN held_by IS NULL THEN now() + make_interval(secs => wait_ms / 1000.0) END
  FROM unnest($9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[], $13::text[], $14::int[], $15::float8[], $16::text[],
      $17::boolean[])
    AS d (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, wait_ms, held_by, leased)`);

/** Writes events and their deliveries in one statement, for any number of requests. */
export async function insertEvents(
  manager: EntityManager,
  events: NewEvent[],
  deliveries: NewDelivery[],
  leaseSeconds: number,
): Promise<void> {
  await manager.query(INSERT_EVENTS, [
    uuids(events.map((event) => event.id)),
    uuids(events.map((event) => event.tenantId)),
    texts(events.map((event) => event.eventId)),
    texts(events.map((event) => event.eventType)),
    texts(events.map((event) => event.source)),
    texts(events.map((event) => event.payload)),
    texts(events.map((event) => event.traceparent)),
    times(events.map((event) => event.createdAt)),
    uuids(deliveries.map((delivery) => delivery.id)),
    uuids(deliveries.map((delivery) => delivery.tenantId)),
    uuids(deliveries.map((delivery) => delivery.eventId)),
    uuids(deliveries.map((delivery) => delivery.endpointId)),
    texts(deliveries.map((delivery) => delivery.eventType)),
    ints(deliveries.map((delivery) => delivery.maxAttempts)),
    floats(deliveries.map((delivery) => delivery.waitMs)),
    texts(deliveries.map((delivery) => delivery.heldBy)),
    booleans(deliveries.map((delivery) => delivery.leased)),
    leaseSeconds,
  ]);
}

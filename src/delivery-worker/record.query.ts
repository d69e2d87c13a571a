import type { DataSource, EntityManager } from 'typeorm';
import type { DeliveryStatus, HoldReason } from '../deliveries/delivery.entity.js';
import type { DeadLetterReason } from '../dead-letters/dead-letter.entity.js';
import { newIdAfter } from '../common/ids.js';
import type { AttemptResult } from '../sending/attempt-sender.js';
import type { LoadedDelivery } from './load.query.js';
import type { Outcome } from './outcome.js';

/** An attempt as it was made. */
export interface MadeAttempt {
  url: string;
  /** Secret values masked. */
  requestHeaders: Record<string, string>;
  result: AttemptResult;
}

/** What a worker has to tell of one delivery. */
export interface Report {
  delivery: LoadedDelivery;
  outcome: Outcome;
  /** Null when it was decided without one. */
  attempt: MadeAttempt | null;
  maxAttempts: number;
}

/** The delivery's new state, spelled out, so that the statement below has nothing to decide. */
interface NewState {
  status: DeliveryStatus;
  settledStatus: DeliveryStatus | null;
  heldBy: HoldReason | null;
  /** From now; null: no time is set. */
  waitMs: number | null;
  tokensBooked: boolean;
}

function newStateOf({ delivery, outcome }: Report): NewState {
  const settled = { settledStatus: null, heldBy: null, waitMs: null, tokensBooked: false };
  switch (outcome.kind) {
    case 'succeeded':
      return { status: 'succeeded', ...settled };
    case 'dead_letter':
      return { status: 'dead_letter', ...settled };
    case 'cancelled':
      return { status: delivery.settled_status ?? 'cancelled', ...settled };
    case 'restored':
      return { status: outcome.status, ...settled };
    case 'retry':
      return { status: 'pending', ...settled, waitMs: outcome.waitMs };
    case 'held':
      return {
        status: 'pending',
        settledStatus: delivery.settled_status,
        heldBy: outcome.by,
        waitMs: outcome.waitMs,
        tokensBooked: outcome.tokensBooked ?? false,
      };
  }
}

/**
 * Writes attempts and outcomes of many deliveries at once. Attempts are written whatever has become of the delivery
 * meanwhile, because they were made; its state only while the lease still holds.
 * @returns the deliveries whose state was written; of the others the lease was lost, or they were cancelled
 */
export async function recordReports(db: DataSource, reports: Report[]): Promise<Set<string>> {
  // In one order everywhere, for the sake of locks.
  const sorted = [...reports].sort((a, b) => (a.delivery.id < b.delivery.id ? -1 : 1));
  if (!sorted.some(needsMore)) return writeStates(db.manager, sorted);
  return db.transaction(async (manager) => {
    const written = await writeStates(manager, sorted);
    const held = sorted.filter(({ delivery }) => written.has(delivery.id));
    await writeDeadLetters(manager, held);
    await resolveDeadLetters(manager, held);
    await disableEndpoints(manager, sorted);
    return written;
  });
}

const needsMore = ({ outcome, delivery }: Report): boolean =>
  outcome.kind === 'dead_letter' ||
  (outcome.kind === 'restored' && outcome.disableEndpoint) ||
  (outcome.kind === 'succeeded' && (delivery.dead_letter_id !== null || delivery.settled_status === 'dead_letter'));

async function writeStates(manager: EntityManager, reports: Report[]): Promise<Set<string>> {
  const states = reports.map(newStateOf);
  const attempts = reports.filter((report) => report.attempt !== null);
  const results = attempts.map(({ attempt }) => (attempt as MadeAttempt).result);
  const rows = await manager.query<{ id: string }[]>(
    `WITH attempt AS (
       INSERT INTO delivery_attempts
         (id, tenant_id, delivery_id, endpoint_id, attempt, outcome, status_code, error, url, request_headers, format,
          response_headers, response_body, response_truncated, duration_ms, created_at)
       SELECT id, tenant_id, delivery_id, endpoint_id, attempt, outcome, status_code, error, url, request_headers, format,
          response_headers, response_body, response_truncated, duration_ms,
          now() - make_interval(secs => duration_ms / 1000.0)
       FROM unnest($10::uuid[], $11::uuid[], $12::uuid[], $13::uuid[], $14::int[], $15::text[], $16::int[], $17::text[],
           $18::text[], $19::json[], $20::text[], $21::json[], $22::text[], $23::boolean[], $24::int[])
         AS a (id, tenant_id, delivery_id, endpoint_id, attempt, outcome, status_code, error, url, request_headers, format,
          response_headers, response_body, response_truncated, duration_ms)
     ), written AS (
       UPDATE deliveries d SET
         status = report.status,
         settled_status = report.settled_status,
         held_by = report.held_by,
         tokens_booked = report.tokens_booked,
         leased_until = NULL,
         next_attempt_at = now() + make_interval(secs => report.wait_ms / 1000.0),
         max_attempts = report.max_attempts,
         attempts = d.attempts + report.made,
         last_status_code = CASE WHEN report.made = 1 THEN report.status_code ELSE d.last_status_code END,
         last_error = CASE WHEN report.made = 1 THEN report.error ELSE coalesce(report.error, d.last_error) END,
         -- A manual attempt that changes nothing leaves the time of the first settlement.
         completed_at = CASE WHEN report.status IN ('pending', d.settled_status) THEN d.completed_at ELSE now() END
       FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::int[], $8::int[], $9::int[],
           $25::text[], $26::boolean[])
         AS report (id, lease_no, status, settled_status, held_by, wait_ms, max_attempts, made, status_code, error, tokens_booked)
       WHERE d.id = report.id AND d.id = ANY($1::uuid[])
         AND d.status = 'pending' AND d.lease_no = report.lease_no AND d.leased_until IS NOT NULL
       RETURNING d.id
     )
     SELECT id FROM written`,
    [
      reports.map(({ delivery }) => delivery.id),
      reports.map(({ delivery }) => delivery.lease_no),
      states.map(({ status }) => status),
      states.map(({ settledStatus }) => settledStatus),
      states.map(({ heldBy }) => heldBy),
      states.map(({ waitMs }) => waitMs),
      reports.map(({ maxAttempts }) => maxAttempts),
      reports.map(({ attempt }) => (attempt === null ? 0 : 1)),
      reports.map(({ attempt }) => attempt?.result.statusCode ?? null),
      attempts.map(({ delivery }) => newIdAfter(delivery.id)),
      attempts.map(({ delivery }) => delivery.tenant_id),
      attempts.map(({ delivery }) => delivery.id),
      attempts.map(({ delivery }) => delivery.endpoint_id),
      attempts.map(({ delivery }) => delivery.attempts + 1),
      results.map(({ outcome }) => outcome),
      results.map(({ statusCode }) => statusCode),
      results.map(({ error }) => error?.message ?? null),
      attempts.map(({ attempt }) => (attempt as MadeAttempt).url),
      attempts.map(({ attempt }) => JSON.stringify((attempt as MadeAttempt).requestHeaders)),
      attempts.map(({ delivery }) => delivery.format),
      results.map(({ responseHeaders }) => JSON.stringify(responseHeaders)),
      results.map(({ responseBody }) => responseBody),
      results.map(({ responseTruncated }) => responseTruncated),
      results.map(({ durationMs }) => durationMs),
      reports.map(({ attempt, outcome }) => attempt?.result.error?.message ?? errorWithoutAttempt(outcome)),
      states.map(({ tokensBooked }) => tokensBooked),
    ],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Why a delivery ended without a further attempt. */
function errorWithoutAttempt(outcome: Outcome): string | null {
  if (outcome.kind === 'dead_letter') return outcome.reason;
  return outcome.kind === 'cancelled' ? 'endpoint_deleted' : null;
}

/**
 * Keeps the payload and all that a retry needs. A delivery that itself retried a dead letter adds to that letter instead of
 * making another one of the same event.
 */
async function writeDeadLetters(manager: EntityManager, reports: Report[]): Promise<void> {
  const dead = reports.flatMap(({ delivery, outcome, attempt }) =>
    outcome.kind === 'dead_letter' ? [{ delivery, reason: outcome.reason, attempt }] : [],
  );
  const again = dead.filter(({ delivery }) => delivery.dead_letter_id !== null);
  if (again.length > 0) {
    await manager.query(
      `UPDATE dead_letters l SET
         delivery_id = d.id, reason = again.reason, attempts = l.attempts + d.attempts,
         last_status_code = d.last_status_code, last_error = d.last_error
       FROM unnest($1::uuid[], $2::text[]) AS again (delivery_id, reason)
       JOIN deliveries d ON d.id = again.delivery_id AND d.id = ANY($1::uuid[])
       WHERE l.id = d.dead_letter_id`,
      [again.map(({ delivery }) => delivery.id), again.map(({ reason }) => reason)],
    );
  }
  const fresh: { delivery: LoadedDelivery; reason: DeadLetterReason }[] = dead.filter(
    ({ delivery }) => delivery.dead_letter_id === null,
  );
  if (fresh.length === 0) return;
  await manager.query(
    `INSERT INTO dead_letters
       (id, tenant_id, delivery_id, event_id, endpoint_id, event_type, source, payload, traceparent, event_created_at,
        reason, attempts, last_status_code, last_error)
     SELECT dead.id, d.tenant_id, d.id, d.event_id, d.endpoint_id, d.event_type, v.source, v.payload, v.traceparent,
        v.created_at, dead.reason, d.attempts, d.last_status_code, d.last_error
     FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS dead (id, delivery_id, reason)
     JOIN deliveries d ON d.id = dead.delivery_id AND d.id = ANY($2::uuid[])
     JOIN events v ON v.id = d.event_id AND v.id = ANY($4::uuid[])`,
    [
      fresh.map(({ delivery }) => newIdAfter(delivery.id)),
      fresh.map(({ delivery }) => delivery.id),
      fresh.map(({ reason }) => reason),
      fresh.map(({ delivery }) => delivery.event_id),
    ],
  );
}

/** A dead letter resolves when its retry arrives, whether that was a fresh delivery or one more attempt of the old one. */
async function resolveDeadLetters(manager: EntityManager, reports: Report[]): Promise<void> {
  const arrived = reports
    .filter(({ outcome, delivery }) => outcome.kind === 'succeeded' && needsMore({ outcome, delivery } as Report))
    .map(({ delivery }) => delivery);
  if (arrived.length === 0) return;
  await manager.query(
    `UPDATE dead_letters SET resolved_at = now(), resolution = 'retried'
     WHERE (id = ANY($1::uuid[]) OR delivery_id = ANY($2::uuid[])) AND resolved_at IS NULL`,
    [arrived.map((d) => d.dead_letter_id).filter((id) => id !== null), arrived.map((d) => d.id)],
  );
}

/** An endpoint that answered 410 wants no more; one that a person changed meanwhile has a new address and is left alone. */
async function disableEndpoints(manager: EntityManager, reports: Report[]): Promise<void> {
  const gone = reports.filter(({ outcome }) => 'disableEndpoint' in outcome && outcome.disableEndpoint);
  if (gone.length === 0) return;
  await manager.query(
    `UPDATE endpoints e SET is_active = false, disabled_reason = 'gone', updated_at = now()
     FROM unnest($1::uuid[], $2::text[]) AS gone (endpoint_id, url)
     WHERE e.id = gone.endpoint_id AND e.url = gone.url AND e.is_active`,
    [gone.map(({ delivery }) => delivery.endpoint_id), gone.map(({ delivery }) => delivery.url)],
  );
}

import type { DataSource, EntityManager } from 'typeorm';
import { booleans, floats, ints, jsons, texts, uuids } from '../database/binary-arrays.js';
import { rangeOf } from '../database/id-range.js';
import { prepared } from '../database/prepared-statements.js';
import { SYSTEM } from '../audit/actor.js';
import { factsOf } from '../audit/changes.js';
import { recordAction, type AuditedAction } from '../audit/record-action.query.js';
import type { DeliveryStatus, HoldReason } from '../deliveries/delivery.entity.js';
import { leasedById } from '../deliveries/leased-by-id.js';
import type { AttemptResult } from '../sending/attempt-sender.js';
import type { TraceSpan } from '../tracing/tracing.js';
import { disableEndpoints, resolveDeadLetters, writeDeadLetters, type DisabledEndpoint } from './consequences.query.js';
import type { LoadedDelivery } from './load.query.js';
import type { Outcome } from './outcome.js';

/** An attempt as it was made. */
export interface MadeAttempt {
  /** Made with it, so that an attempt whose recording is repeated (its commit's answer was lost) is not told of twice. */
  id: string;
  url: string;
  /** Secret values masked. */
  requestHeaders: Readonly<Record<string, string>>;
  result: AttemptResult;
  /** Under way until the attempt is recorded. */
  span?: TraceSpan | null;
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
  switch (outcome.kind) {
    case 'succeeded':
      return newState('succeeded');
    case 'dead_letter':
      return newState('dead_letter');
    case 'cancelled':
      return newState(delivery.settled_status ?? 'cancelled');
    case 'restored':
      return newState(outcome.status);
    case 'retry':
      return newState('pending', outcome.waitMs);
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

const newState = (status: DeliveryStatus, waitMs: number | null = null): NewState => ({
  status,
  settledStatus: null,
  heldBy: null,
  waitMs,
  tokensBooked: false,
});

/** Tells the tenant of dead letters and disabled endpoints, in the transaction that writes them. */
export type TellTenants = (
  manager: EntityManager,
  deadLettered: Report[],
  disabled: DisabledEndpoint[],
) => Promise<void>;

/**
 * Writes attempts and outcomes of many deliveries at once. Attempts are written whatever has become of the delivery
 * meanwhile, because they were made; its state only while the lease still holds.
 * @returns the reports whose state was written; of the others the lease was lost, or the delivery was cancelled
 */
export async function recordReports(
  db: DataSource,
  reports: Report[],
  tellTenants: TellTenants = () => Promise.resolve(),
): Promise<Set<Report>> {
  // In one order everywhere, for the sake of locks.
  const sorted = [...reports].sort((a, b) => (a.delivery.id < b.delivery.id ? -1 : 1));
  if (!sorted.some(hasConsequences)) return writeStates(db.manager, sorted);
  return db.transaction(async (manager) => {
    const written = await writeStates(manager, sorted);
    const held = [...written];
    const deadLettered = held.filter(({ outcome }) => outcome.kind === 'dead_letter');
    await writeDeadLetters(manager, deadLettered);
    await resolveDeadLetters(manager, held.filter(resolvesDeadLetter));
    const disabled = await disableEndpoints(manager, sorted.filter(disablesEndpoint));
    await recordAction(manager, SYSTEM, ...disabled.map(actionOf));
    await tellTenants(manager, deadLettered, disabled);
    return written;
  });
}

const actionOf = ({ id, tenantId }: DisabledEndpoint): AuditedAction => ({
  tenantId,
  action: 'endpoint.disabled',
  subjectId: id,
  changes: factsOf({ disabled_reason: 'gone' }),
});

const disablesEndpoint = ({ outcome }: Report): boolean => 'disableEndpoint' in outcome && outcome.disableEndpoint;

/** Only a delivery that a person asked for can arrive where another of its event died. */
const resolvesDeadLetter = ({ outcome, delivery }: Report): boolean =>
  outcome.kind === 'succeeded' && (delivery.dead_letter_id !== null || delivery.settled_status !== null);

const hasConsequences = (report: Report): boolean =>
  report.outcome.kind === 'dead_letter' || disablesEndpoint(report) || resolvesDeadLetter(report);

const WRITE_STATES = prepared(`WITH attempt AS (
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
    ON CONFLICT (id) DO NOTHING
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
    WHERE d.id = report.id AND d.lease_no = report.lease_no AND ${leasedById('$1', '$27')}
    RETURNING d.id, d.lease_no
  )
  SELECT id, lease_no FROM written`);

async function writeStates(manager: EntityManager, reports: Report[]): Promise<Set<Report>> {
  const ids = reports.map(({ delivery }) => delivery.id);
  const states = reports.map(newStateOf);
  const attempts = reports.filter((report) => report.attempt !== null);
  const results = attempts.map(({ attempt }) => (attempt as MadeAttempt).result);
  const rows = await manager.query<{ id: string; lease_no: number }[]>(WRITE_STATES, [
    uuids(ids),
    ints(reports.map(({ delivery }) => delivery.lease_no)),
    texts(states.map(({ status }) => status)),
    texts(states.map(({ settledStatus }) => settledStatus)),
    texts(states.map(({ heldBy }) => heldBy)),
    floats(states.map(({ waitMs }) => waitMs)),
    ints(reports.map(({ maxAttempts }) => maxAttempts)),
    ints(reports.map(({ attempt }) => (attempt === null ? 0 : 1))),
    ints(reports.map(({ attempt }) => attempt?.result.statusCode ?? null)),
    uuids(attempts.map(({ attempt }) => (attempt as MadeAttempt).id)),
    uuids(attempts.map(({ delivery }) => delivery.tenant_id)),
    uuids(attempts.map(({ delivery }) => delivery.id)),
    uuids(attempts.map(({ delivery }) => delivery.endpoint_id)),
    ints(attempts.map(({ delivery }) => delivery.attempts + 1)),
    texts(results.map(({ outcome }) => outcome)),
    ints(results.map(({ statusCode }) => statusCode)),
    texts(results.map(({ error }) => error?.message ?? null)),
    texts(attempts.map(({ attempt }) => (attempt as MadeAttempt).url)),
    jsons(attempts.map(({ attempt }) => JSON.stringify((attempt as MadeAttempt).requestHeaders))),
    texts(attempts.map(({ delivery }) => delivery.format)),
    jsons(results.map(({ responseHeaders }) => JSON.stringify(responseHeaders))),
    // Nothing came, which is not the same as an empty body.
    texts(results.map(({ statusCode, responseBody }) => (statusCode === null ? null : responseBody))),
    booleans(results.map(({ responseTruncated }) => responseTruncated)),
    ints(results.map(({ durationMs }) => durationMs)),
    texts(reports.map(({ attempt, outcome }) => attempt?.result.error?.message ?? errorWithoutAttempt(outcome))),
    booleans(states.map(({ tokensBooked }) => tokensBooked)),
    rangeOf(ids)[0],
  ]);
  // By lease: a late report of an older one may come together with that of the lease in force.
  const written = new Set(rows.map(({ id, lease_no }) => `${id} ${lease_no}`));
  return new Set(reports.filter(({ delivery }) => written.has(`${delivery.id} ${delivery.lease_no}`)));
}

/** Why a delivery ended without a further attempt. */
function errorWithoutAttempt(outcome: Outcome): string | null {
  if (outcome.kind === 'dead_letter') return outcome.reason;
  return outcome.kind === 'cancelled' ? 'endpoint_deleted' : null;
}

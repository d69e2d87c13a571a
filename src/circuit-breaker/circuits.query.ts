import type { DataSource, EntityManager } from 'typeorm';
import { newId } from '../common/ids.js';
import type { Circuit } from './circuit.js';
import type { CircuitState } from './endpoint-circuit.entity.js';

export interface StoredCircuit extends Circuit {
  endpointId: string;
  tenantId: string;
}

interface CircuitRow {
  endpoint_id: string;
  tenant_id: string;
  state: CircuitState;
  consecutive_failures: number;
  failing_since: Date | null;
  last_success_at: Date | null;
  last_failure_at: Date | null;
  opened_at: Date | null;
  closed_at: Date | null;
  open_seconds: number;
  next_probe_at: Date | null;
  probe_delivery_id: string | null;
  now: Date;
}

/** Locks the circuits of these endpoints, which must be sorted; those that have none get one. Deleted endpoints are left out. */
export async function lockCircuits(
  manager: EntityManager,
  endpointIds: string[],
): Promise<{ circuits: StoredCircuit[]; nowMs: number }> {
  await manager.query(
    `INSERT INTO endpoint_circuits (endpoint_id, tenant_id)
     SELECT id, tenant_id FROM endpoints WHERE id = ANY($1::uuid[]) ORDER BY id
     ON CONFLICT (endpoint_id) DO NOTHING`,
    [endpointIds],
  );
  const rows = await manager.query<CircuitRow[]>(
    `SELECT *, clock_timestamp() AS now FROM endpoint_circuits
     WHERE endpoint_id = ANY($1::uuid[]) ORDER BY endpoint_id FOR UPDATE`,
    [endpointIds],
  );
  return { circuits: rows.map(toCircuit), nowMs: rows[0]?.now.getTime() ?? 0 };
}

const msOf = (date: Date | null): number | null => date?.getTime() ?? null;

const toCircuit = (row: CircuitRow): StoredCircuit => ({
  endpointId: row.endpoint_id,
  tenantId: row.tenant_id,
  state: row.state,
  consecutiveFailures: row.consecutive_failures,
  failingSince: msOf(row.failing_since),
  lastSuccessAt: msOf(row.last_success_at),
  lastFailureAt: msOf(row.last_failure_at),
  openedAt: msOf(row.opened_at),
  closedAt: msOf(row.closed_at),
  openSeconds: row.open_seconds,
  nextProbeAt: msOf(row.next_probe_at),
  probeDeliveryId: row.probe_delivery_id,
});

/** Writes circuits that {@link lockCircuits} has locked. */
export async function writeCircuits(manager: EntityManager, circuits: StoredCircuit[]): Promise<void> {
  const dates = (pick: (circuit: StoredCircuit) => number | null): (Date | null)[] =>
    circuits.map((circuit) => {
      const ms = pick(circuit);
      return ms === null ? null : new Date(ms);
    });
  await manager.query(
    `UPDATE endpoint_circuits c SET
       state = w.state, consecutive_failures = w.consecutive_failures, failing_since = w.failing_since,
       last_success_at = w.last_success_at, last_failure_at = w.last_failure_at, opened_at = w.opened_at,
       closed_at = w.closed_at, open_seconds = w.open_seconds, next_probe_at = w.next_probe_at,
       probe_delivery_id = w.probe_delivery_id
     FROM unnest($1::uuid[], $2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
         $7::timestamptz[], $8::timestamptz[], $9::int[], $10::timestamptz[], $11::uuid[])
       AS w (endpoint_id, state, consecutive_failures, failing_since, last_success_at, last_failure_at, opened_at, closed_at,
         open_seconds, next_probe_at, probe_delivery_id)
     WHERE c.endpoint_id = w.endpoint_id`,
    [
      circuits.map((circuit) => circuit.endpointId),
      circuits.map((circuit) => circuit.state),
      circuits.map((circuit) => circuit.consecutiveFailures),
      dates((circuit) => circuit.failingSince),
      dates((circuit) => circuit.lastSuccessAt),
      dates((circuit) => circuit.lastFailureAt),
      dates((circuit) => circuit.openedAt),
      dates((circuit) => circuit.closedAt),
      circuits.map((circuit) => circuit.openSeconds),
      dates((circuit) => circuit.nextProbeAt),
      circuits.map((circuit) => circuit.probeDeliveryId),
    ],
  );
}

export async function insertTransitions(
  manager: EntityManager,
  transitions: { endpointId: string; state: CircuitState }[],
): Promise<void> {
  await manager.query(
    `INSERT INTO circuit_transitions (id, endpoint_id, state) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])`,
    [
      transitions.map(() => newId()),
      transitions.map(({ endpointId }) => endpointId),
      transitions.map(({ state }) => state),
    ],
  );
}

/**
 * Makes this delivery the endpoint's probe, when one is due: of all workers that try, one succeeds.
 * @param lostAfterMs when the probe counts as lost, should its worker die
 */
export async function claimProbe(
  db: DataSource,
  endpointId: string,
  deliveryId: string,
  lostAfterMs: number,
): Promise<boolean> {
  const rows = await db.query<unknown[]>(
    `WITH claimed AS (
       UPDATE endpoint_circuits SET
         state = 'half_open', probe_delivery_id = $2, next_probe_at = now() + make_interval(secs => $3::float8 / 1000)
       WHERE endpoint_id = $1 AND state <> 'closed' AND next_probe_at <= now()
       RETURNING endpoint_id
     )
     INSERT INTO circuit_transitions (id, endpoint_id, state) SELECT $4, endpoint_id, 'half_open' FROM claimed
     RETURNING endpoint_id`,
    [endpointId, deliveryId, lostAfterMs, newId()],
  );
  return rows.length > 0;
}

export interface CircuitInForce {
  endpoint_id: string;
  state: CircuitState;
  probe_due: boolean;
}

/** Circuits that keep deliveries back: those not closed, and those that closed within the last `recoverySeconds`. */
export function findCircuitsInForce(db: DataSource, recoverySeconds: number): Promise<CircuitInForce[]> {
  return db.query<CircuitInForce[]>(
    `SELECT endpoint_id, state, next_probe_at <= now() AS probe_due FROM endpoint_circuits
     WHERE state <> 'closed' OR closed_at > now() - make_interval(secs => $1)`,
    [recoverySeconds],
  );
}

/** Gives an endpoint up. @returns whether it was active until now */
export async function disableFailing(manager: EntityManager, endpointId: string): Promise<boolean> {
  const [, count] = await manager.query<[unknown, number]>(
    `UPDATE endpoints SET is_active = false, disabled_reason = 'failing', updated_at = now() WHERE id = $1 AND is_active`,
    [endpointId],
  );
  return count > 0;
}

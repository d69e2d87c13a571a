import type { CircuitState } from './endpoint-circuit.entity.js';

/** Consecutive failures that open a circuit… */
export const OPEN_AFTER_FAILURES = 5;
/** …unless there was a success so recently: consecutive failures alone would hold an endpoint that fails now and then. */
export const RECENT_SUCCESS_MS = 10_000;
/** How long it stays open before the first probe. */
export const FIRST_OPEN_SECONDS = 30;
/** What that doubles to, probe by failed probe. */
export const MAX_OPEN_SECONDS = 300;

/** An endpoint's circuit. Times are the database's, in ms since the epoch. */
export interface Circuit {
  readonly state: CircuitState;
  readonly consecutiveFailures: number;
  /** The first failure since the last success. */
  readonly failingSince: number | null;
  readonly lastSuccessAt: number | null;
  readonly lastFailureAt: number | null;
  readonly openedAt: number | null;
  readonly closedAt: number | null;
  readonly openSeconds: number;
  readonly nextProbeAt: number | null;
  readonly probeDeliveryId: string | null;
}

export const NEW_CIRCUIT: Circuit = {
  state: 'closed',
  consecutiveFailures: 0,
  failingSince: null,
  lastSuccessAt: null,
  lastFailureAt: null,
  openedAt: null,
  closedAt: null,
  openSeconds: 0,
  nextProbeAt: null,
  probeDeliveryId: null,
};

/** What one worker saw of an endpoint since it last told. */
export interface Observation {
  /** The latest success that this worker knows of, told now or before; null: none. */
  readonly lastSuccessAt: number | null;
  /** Whether any of the attempts told of succeeded. */
  readonly succeeded: boolean;
  /** Failures after the last of those successes, or all when there was none. */
  readonly failures: number;
  /** Deliveries whose attempts failed; the probe may be among them. */
  readonly failedDeliveryIds: readonly string[];
}

/** The circuit after what was seen. */
export function nextCircuit(before: Circuit, seen: Observation, nowMs: number): Circuit {
  const circuit = counted(before, seen, nowMs);
  if (seen.succeeded && before.state !== 'closed') return close(circuit, nowMs);
  switch (before.state) {
    case 'closed':
      return mustOpen(circuit, nowMs) ? open(circuit, FIRST_OPEN_SECONDS, nowMs) : circuit;
    case 'half_open': {
      const probeFailed = before.probeDeliveryId !== null && seen.failedDeliveryIds.includes(before.probeDeliveryId);
      return probeFailed ? open(circuit, Math.min(before.openSeconds * 2, MAX_OPEN_SECONDS), nowMs) : circuit;
    }
    case 'open':
      // Failures of attempts that were under way when it opened: they say nothing new.
      return circuit;
  }
}

function counted(before: Circuit, seen: Observation, nowMs: number): Circuit {
  const lastSuccessAt = latest(before.lastSuccessAt, seen.lastSuccessAt);
  const consecutiveFailures = seen.succeeded ? seen.failures : before.consecutiveFailures + seen.failures;
  const failingSince = seen.succeeded ? null : before.failingSince;
  return {
    ...before,
    consecutiveFailures,
    failingSince: consecutiveFailures === 0 ? null : (failingSince ?? nowMs),
    lastSuccessAt,
    lastFailureAt: seen.failures > 0 ? nowMs : before.lastFailureAt,
  };
}

function mustOpen({ consecutiveFailures, lastSuccessAt }: Circuit, nowMs: number): boolean {
  const succeededRecently = lastSuccessAt !== null && nowMs - lastSuccessAt < RECENT_SUCCESS_MS;
  return consecutiveFailures >= OPEN_AFTER_FAILURES && !succeededRecently;
}

const open = (circuit: Circuit, openSeconds: number, nowMs: number): Circuit => ({
  ...circuit,
  state: 'open',
  openedAt: circuit.state === 'closed' ? nowMs : circuit.openedAt,
  openSeconds,
  nextProbeAt: nowMs + openSeconds * 1_000,
  probeDeliveryId: null,
});

const close = (circuit: Circuit, nowMs: number): Circuit => ({
  ...circuit,
  state: 'closed',
  openedAt: null,
  closedAt: nowMs,
  openSeconds: 0,
  nextProbeAt: null,
  probeDeliveryId: null,
});

const latest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);

/** Whether every attempt has failed for so long that the endpoint is given up: over several attempts, not one unlucky one. */
export function hasFailedTooLong(
  { failingSince, consecutiveFailures }: Circuit,
  afterMs: number,
  nowMs: number,
): boolean {
  return failingSince !== null && consecutiveFailures >= OPEN_AFTER_FAILURES && nowMs - failingSince >= afterMs;
}

/** What the circuit means for a delivery that is about to be sent. */
export type Gate =
  | 'pass'
  /** It waits until the circuit lets it go. */
  | 'hold'
  /** A probe is due: whoever claims it sends. */
  | 'claim';

export interface GateView {
  readonly state: CircuitState | null;
  readonly probeDeliveryId: string | null;
  /** Whether `next_probe_at` has come. */
  readonly probeDue: boolean;
}

export function gateOf({ state, probeDeliveryId, probeDue }: GateView, deliveryId: string): Gate {
  if (state === null || state === 'closed') return 'pass';
  if (state === 'half_open' && probeDeliveryId === deliveryId) return 'pass';
  // Half open and due: the probe's worker is gone, and somebody else may try.
  return probeDue ? 'claim' : 'hold';
}

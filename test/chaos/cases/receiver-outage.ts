import type { Backend } from '../../support/backends.js';
import { Chaos } from '../../support/chaos.js';
import { Publisher } from '../../support/chaos-publisher.js';
import type { CaseReport } from '../../support/chaos-report.js';
import { waitFor } from '../../support/processes.js';

/** A circuit opens at five failures in a row, once ten seconds have passed without a success; and some to spare for a busy machine. */
const CIRCUIT_OPENS_SECONDS = 20;

export interface OutageReport extends CaseReport {
  /** Of the failed attempts, those made once the circuit had had the time to open: its probes. */
  probes: number;
  /** States that the circuit took on, in order. */
  transitions: string[];
  deadLetters: number;
}

/** One receiver is gone for a time (connections are refused), while its events go on coming, and then is back. */
export async function takeReceiverDown(
  backend: Backend,
  { events, perSecond, downMs }: { events: number; perSecond: number; downMs: number },
): Promise<OutageReport> {
  return Chaos.run({ backend, workers: 2 }, async (chaos) => {
    const tenants = await chaos.createTenants(1);
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond });
    await waitFor(() => publisher.progress >= events / 10, { timeoutMs: 60_000, what: 'a tenth of the events' });
    const [down] = await chaos.query<{ at: Date }>('SELECT clock_timestamp() AS at');
    await chaos.ledger.down();
    const backAt = performance.now() + downMs;
    await waitFor(() => performance.now() > backAt, { timeoutMs: downMs + 1_000, what: 'the outage to end' });
    await chaos.ledger.up();
    await publisher.done;
    const report = await chaos.settle(300_000);
    const [probes] = await chaos.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM delivery_attempts
       WHERE outcome = 'failed' AND created_at > $1::timestamptz + make_interval(secs => $2)`,
      [down?.at, CIRCUIT_OPENS_SECONDS],
    );
    const [letters] = await chaos.query<{ n: number }>(`SELECT count(*)::int AS n FROM dead_letters`);
    const transitions = await chaos.query<{ state: string }>(`SELECT state FROM circuit_transitions ORDER BY id`);
    return {
      ...report,
      transitions: transitions.map(({ state }) => state),
      probes: probes?.n ?? 0,
      deadLetters: letters?.n ?? 0,
    };
  });
}

import type { Backend } from '../../support/backends.js';
import { Chaos, preloading } from '../../support/chaos.js';
import { Publisher } from '../../support/chaos-publisher.js';
import type { CaseReport } from '../../support/chaos-report.js';

export interface ShiftedClockReport extends CaseReport {
  /** From the end of an attempt to the start of the next, all events together, in seconds; by PostgreSQL's clock. */
  shortestGapSeconds: number;
  longestGapSeconds: number;
  /** How far the signatures' timestamps were from the time of arrival, at most, in seconds. */
  timestampErrorSeconds: number;
  attempts: number;
}

/** The schedule is the database's: two failed attempts and one that succeeds, by workers whose clock is off. */
export async function shiftClock(
  backend: Backend,
  shiftMs: number,
  { events, gapSeconds }: { events: number; gapSeconds: number },
): Promise<ShiftedClockReport> {
  return Chaos.run({ backend, workers: 0 }, async (chaos) => {
    const worker = await chaos.posthaste.startWorker({
      LOG_LEVEL: 'info',
      ...preloading('shift-clock.mjs', { CLOCK_SHIFT_MS: String(shiftMs) }),
    });
    const said = Number(/"time":(\d+)/.exec(worker.logs())?.[1]);
    if (!(Math.abs(said - Date.now() - shiftMs) < 60_000)) throw new Error(`The worker's clock is not off: ${said}`);

    const retry_policy = { max_attempts: 3, schedule_seconds: [0, gapSeconds, gapSeconds], jitter: 0 };
    const tenants = await chaos.createTenants(8, 't', { retry_policy });
    let timestampErrorSeconds = 0;
    for (let n = 0; n < 8; n++) {
      const order = new Map<string, number>();
      chaos.ledger.answer(`/t-${n}`, ({ eventId, nth, timestampSeconds }) => {
        if (nth === 1) order.set(eventId, order.size);
        timestampErrorSeconds = Math.max(timestampErrorSeconds, Math.abs(Date.now() / 1_000 - timestampSeconds));
        // Every other event fails at first, and the first one doesn't, so that no circuit opens.
        return (order.get(eventId) ?? 0) % 2 === 1 && nth < 3 ? 500 : 200;
      });
    }
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond: 50 });
    await publisher.done;
    const report = await chaos.settle(120_000);
    const [gaps] = await chaos.query<{ shortest: number; longest: number; attempts: number }>(
      `SELECT min(gap)::float8 AS shortest, max(gap)::float8 AS longest, count(*)::int AS attempts FROM (
         SELECT extract(epoch FROM created_at - lag(created_at + make_interval(secs => duration_ms / 1000.0))
           OVER (PARTITION BY delivery_id ORDER BY attempt)) AS gap
         FROM delivery_attempts) attempt`,
    );
    return {
      ...report,
      shortestGapSeconds: gaps?.shortest ?? Number.NaN,
      longestGapSeconds: gaps?.longest ?? Number.NaN,
      timestampErrorSeconds,
      attempts: gaps?.attempts ?? 0,
    };
  });
}

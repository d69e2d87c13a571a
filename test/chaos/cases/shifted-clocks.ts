import type { Backend } from '../../support/backends.js';
import { Chaos, preloading } from '../../support/chaos.js';
import { Publisher } from '../../support/chaos-publisher.js';
import type { CaseReport } from '../../support/chaos-report.js';

export interface ShiftedClockReport extends CaseReport {
  /** Between an event's attempts, all events together, in seconds. */
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
    const times = new Map<string, number[]>();
    let timestampErrorSeconds = 0;
    for (let n = 0; n < 8; n++) {
      chaos.ledger.answer(`/t-${n}`, ({ eventId, nth, timestampSeconds }) => {
        times.set(eventId, [...(times.get(eventId) ?? []), performance.now()]);
        timestampErrorSeconds = Math.max(timestampErrorSeconds, Math.abs(Date.now() / 1_000 - timestampSeconds));
        // Every other event fails at first, so that no circuit opens.
        return Number.parseInt(eventId.slice(-1), 16) % 2 === 1 && nth < 3 ? 500 : 200;
      });
    }
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond: 50 });
    await publisher.done;
    const report = await chaos.settle(120_000);
    const gaps = [...times.values()].flatMap((ofEvent) =>
      ofEvent.slice(1).map((at, index) => (at - (ofEvent[index] ?? 0)) / 1_000),
    );
    return {
      ...report,
      shortestGapSeconds: Math.min(...gaps),
      longestGapSeconds: Math.max(...gaps),
      timestampErrorSeconds,
      attempts: gaps.length + times.size,
    };
  });
}

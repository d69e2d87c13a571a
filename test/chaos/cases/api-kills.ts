import type { Backend } from '../../support/backends.js';
import { Chaos, preloading } from '../../support/chaos.js';
import { Publisher } from '../../support/chaos-publisher.js';
import type { CaseReport } from '../../support/chaos-report.js';
import { waitFor } from '../../support/processes.js';

export interface ApiKillReport extends CaseReport {
  duplicateAnswers: number;
  /** Events in the database: repeated publishes must not have made second ones. */
  stored: number;
}

/**
 * The API dies between commit and enqueue. Its producers repeat what was not answered, under the same `Idempotency-Key`, at the
 * API that takes its place.
 * @param fault `kill`: before any answer; `hang`: after the answers went out
 */
export async function killApi(backend: Backend, fault: 'kill' | 'hang', events: number): Promise<ApiKillReport> {
  return Chaos.run({ backend }, async (chaos) => {
    const first = chaos.posthaste.apis[0];
    if (first === undefined) throw new Error('No API');
    const PORT = new URL(first.url).port;
    const tenants = await chaos.createTenants(4);
    await first.stop();
    const faulty = await chaos.posthaste.startApi({
      PORT,
      ...preloading('break-at-enqueue.mjs', { FAULT: fault, FAULT_AT_CALL: '5' }),
    });
    chaos.expectKilled(faulty);
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond: 100, untilAccepted: true });
    if (fault === 'hang') {
      await waitFor(() => publisher.progress >= events / 2, { timeoutMs: 60_000, what: 'half of the events' });
      await faulty.kill();
    }
    const end = await Promise.race([faulty.exited, publisher.done.then(() => null)]);
    if (end === null) throw new Error('All was accepted, and the API has not died: nothing called its fault point.');
    if (end.signal !== 'SIGKILL') throw new Error(`The API ended by itself:\n${faulty.logs()}`);
    await chaos.posthaste.startApi({ PORT });
    await publisher.done;
    const report = await chaos.settle(180_000);
    const stored = (await chaos.query<{ n: number }>(`SELECT count(*)::int AS n FROM events`))[0]?.n ?? 0;
    return { ...report, stored, duplicateAnswers: publisher.figures().duplicateAnswers };
  });
}

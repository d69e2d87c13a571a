import type { BatchBody, TenantClient } from '../../support/api-client.js';
import type { Backend } from '../../support/backends.js';
import { Chaos } from '../../support/chaos.js';
import { Publisher } from '../../support/chaos-publisher.js';
import { percentile } from '../../support/ledger.js';
import { waitFor } from '../../support/processes.js';

export interface NeighbourReport {
  /** From posting to delivery of the quiet tenant's events, alone and beside the noisy one. */
  alone: Latency;
  beside: Latency;
  /** Deliveries of the noisy tenant that were pending when the second measurement began, and when it ended. */
  backlogBefore: number;
  backlogAfter: number;
}

export interface Latency {
  events: number;
  p50Ms: number;
  p99Ms: number;
}

export interface NeighbourOptions {
  backend: Backend;
  backlog: number;
  /** How long the noisy tenant's endpoint takes to answer; 0: at once. */
  answerMs: number;
  /** Of each measurement, at ten events a second. */
  quietEvents: number;
}

const PER_SECOND = 10;
const BATCH_EVENTS = 1_000;

/** A quiet tenant's latency, first alone and then beside a tenant with a huge backlog. */
export async function measureNeighbour(options: NeighbourOptions): Promise<NeighbourReport> {
  return Chaos.run({ backend: options.backend, workers: 1 }, async (chaos) => {
    const [noisy] = await chaos.createTenants(1, 'noisy');
    const quiet = await chaos.createTenants(1, 'quiet');
    if (noisy === undefined) throw new Error('No tenant');
    const { answerMs } = options;
    if (answerMs > 0) {
      // Beyond the endpoint's timeout of 15 s: each holds its place in the worker as long as it can.
      chaos.ledger.answer('/noisy-0', () => new Promise((resolve) => setTimeout(() => resolve(200), answerMs).unref()));
    }
    const measure = async (): Promise<Latency> => {
      const publisher = new Publisher({
        ledger: chaos.ledger,
        tenants: quiet,
        events: options.quietEvents,
        perSecond: PER_SECOND,
        keyPrefix: String(performance.now()),
      });
      await publisher.done;
      const arrived = (): boolean => publisher.ids.every((id) => chaos.ledger.deliveredAt.has(id));
      await waitFor(arrived, { timeoutMs: 60_000, what: 'the quiet tenant’s events' }).catch(() => undefined);
      const sorted = chaos.ledger.latencies(publisher.ids);
      return { events: sorted.length, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
    };
    const alone = await measure();
    await publishBacklog(noisy, options.backlog);
    const backlogBefore = await chaos.countPending();
    const beside = await measure();
    return { alone, beside, backlogBefore, backlogAfter: await chaos.countPending() };
  });
}

/** A backlog counts only while it is one: it must come in faster than it leaves. */
async function publishBacklog(tenant: TenantClient, events: number): Promise<void> {
  const body = {
    events: Array.from({ length: BATCH_EVENTS }, () => ({ event_type: 'noise', payload: { some: 'noise' } })),
  };
  let left = Math.ceil(events / BATCH_EVENTS);
  const post = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const answer = await tenant.post<BatchBody>('/events/batch', body);
      if (answer.accepted !== BATCH_EVENTS) throw new Error(`Only ${answer.accepted} of a batch were accepted`);
    }
  };
  await Promise.all([post(), post(), post()]);
}

import { setTimeout as delay } from 'node:timers/promises';
import type { PublishBody, TenantClient } from './api-client.js';
import { percentile, type Ledger } from './ledger.js';

export interface PublisherOptions {
  ledger: Ledger;
  tenants: readonly TenantClient[];
  events: number;
  /** Spread evenly; the faults of a case happen meanwhile. */
  perSecond: number;
  /** Repeat an event under its `Idempotency-Key` until it is answered 202, as a careful producer does. */
  untilAccepted?: boolean;
  clients?: number;
  /** Sets the keys of this publisher's events apart from those of another one's of the same tenant. */
  keyPrefix?: string;
}

/** What publishing was like. */
export interface PublishFigures {
  /** Answers by status; 0: no answer came. */
  statuses: Record<number, number>;
  duplicateAnswers: number;
  p99Ms: number;
  maxMs: number;
}

/** A producer that goes on whatever happens to the other side. `done` resolves when every event was posted. */
export class Publisher {
  readonly ids: string[] = [];
  readonly done: Promise<void>;
  private posted = 0;
  private next = 0;
  private duplicateAnswers = 0;
  private readonly statuses: Record<number, number> = {};
  private readonly latencies: number[] = [];
  private readonly startedAt = performance.now();

  constructor(private readonly options: PublisherOptions) {
    const clients = Array.from({ length: options.clients ?? 50 }, () => this.run());
    this.done = Promise.all(clients).then(() => undefined);
  }

  /** Events that were posted so far, whatever became of them. */
  get progress(): number {
    return this.posted;
  }

  figures(): PublishFigures {
    const sorted = [...this.latencies].sort((a, b) => a - b);
    const { statuses, duplicateAnswers } = this;
    return { statuses, duplicateAnswers, p99Ms: percentile(sorted, 0.99), maxMs: sorted.at(-1) ?? 0 };
  }

  private async run(): Promise<void> {
    const { events, perSecond, untilAccepted = false } = this.options;
    while (this.next < events) {
      const n = this.next++;
      const dueInMs = this.startedAt + (n / perSecond) * 1_000 - performance.now();
      if (dueInMs > 1) await delay(dueInMs);
      while (!(await this.post(n)) && untilAccepted) await delay(200);
      this.posted += 1;
    }
  }

  /** @returns whether it was answered 202 */
  private async post(n: number): Promise<boolean> {
    const { tenants, ledger, keyPrefix = 'chaos' } = this.options;
    const tenant = tenants[n % tenants.length] as TenantClient;
    const postedAt = performance.now();
    const answer = await tenant
      .call<PublishBody>('POST', '/events', {
        body: { event_type: 'chaos.event', payload: { n } },
        headers: { 'idempotency-key': `${keyPrefix}-${n}` },
      })
      .catch(() => null);
    this.latencies.push(performance.now() - postedAt);
    const status = answer?.status ?? 0;
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (answer === null || status !== 202) return false;
    if (answer.body.duplicate) this.duplicateAnswers += 1;
    ledger.accept(answer.body.id, postedAt);
    this.ids.push(answer.body.id);
    return true;
  }
}

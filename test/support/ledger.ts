import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** One delivery request; `nth` counts those of the same event at the same path, from 1. */
export interface Arrival {
  path: string;
  eventId: string;
  nth: number;
  /** Of the signature. */
  timestampSeconds: number;
}

/** The status to answer with; a promise lets the sender wait, null never answers. */
export type Answering = (arrival: Arrival) => number | null | Promise<number | null>;

export interface LedgerCount {
  /** Events answered 202. */
  accepted: number;
  /** Of these, how many were answered 2xx by the receiver at least once. */
  delivered: number;
  /** Requests answered 2xx beyond the first of their event. */
  duplicates: number;
  lost: number;
  /** Delivered though their publisher never got a 202: the answer was lost, not the event. */
  unacknowledged: number;
}

/** What the receiver's thread tells (`ledger-server.mjs`). */
interface Told {
  up?: number;
  down?: boolean;
  failed?: string;
  pong?: number;
  arrived?: string;
  delivered?: string;
  /** With `delivered`: in ms since the epoch. */
  at?: number;
  asks?: number;
  arrival?: Arrival;
}

/**
 * A receiver that books every request against what was accepted. Fast, so that it is never what a case measures: it keeps
 * counts and times, no bodies. Times are in ms of the monotonic clock.
 */
export class Ledger {
  /** Event ids that were answered 202, with the time when they were posted. */
  readonly acceptedAt = new Map<string, number>();
  readonly deliveredAt = new Map<string, number>();
  private readonly requests = new Map<string, number>();
  private readonly answering = new Map<string, Answering>();
  private readonly server = new Worker(join(import.meta.dirname, 'ledger-server.mjs'));
  private duplicates = 0;
  private port = 0;
  private pings = 0;

  private constructor() {
    this.server.on('message', (told: Told) => this.note(told));
  }

  static async start(): Promise<Ledger> {
    const ledger = new Ledger();
    await ledger.up();
    return ledger;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  answer(path: string, answering: Answering): void {
    this.answering.set(path, answering);
    this.server.postMessage({ do: 'ask', path });
  }

  accept(eventId: string, postedAt: number): void {
    this.acceptedAt.set(eventId, postedAt);
  }

  /** Requests at a path, whatever they were answered. */
  requestsAt(path: string): number {
    return this.requests.get(path) ?? 0;
  }

  count(): LedgerCount {
    let delivered = 0;
    for (const id of this.acceptedAt.keys()) if (this.deliveredAt.has(id)) delivered += 1;
    const accepted = this.acceptedAt.size;
    const unacknowledged = this.deliveredAt.size - delivered;
    return { accepted, delivered, duplicates: this.duplicates, lost: accepted - delivered, unacknowledged };
  }

  /** Until all that has arrived by now is booked. */
  async catchUp(): Promise<void> {
    const id = this.pings++;
    await this.tell({ do: 'ping', id }, ({ pong }) => pong === id);
  }

  /** From posting an event to its first delivery, sorted, in ms. */
  latencies(eventIds: Iterable<string> = this.acceptedAt.keys()): number[] {
    return [...eventIds]
      .map((id) => (this.deliveredAt.get(id) ?? Infinity) - (this.acceptedAt.get(id) ?? 0))
      .sort((a, b) => a - b);
  }

  /** Connections are refused from now on, and those that are open are cut. */
  async down(): Promise<void> {
    await this.tell({ do: 'down' }, ({ down }) => down === true);
  }

  /** After {@link down}, on the same port. */
  async up(): Promise<void> {
    const { up, failed } = await this.tell({ do: 'up', port: this.port }, (told) => 'up' in told || 'failed' in told);
    if (up === undefined) throw new Error(failed);
    this.port = up;
  }

  /** For good. */
  async stop(): Promise<void> {
    await this.server.terminate();
  }

  private note({ arrived, delivered, at = 0, asks, arrival }: Told): void {
    if (arrived !== undefined) this.requests.set(arrived, this.requestsAt(arrived) + 1);
    if (delivered !== undefined) {
      if (this.deliveredAt.has(delivered)) this.duplicates += 1;
      else this.deliveredAt.set(delivered, at - performance.timeOrigin);
    }
    if (arrival === undefined) return;
    const status = Promise.resolve(this.answering.get(arrival.path)?.(arrival) ?? null);
    void status.then((status) => this.server.postMessage({ do: 'answer', id: asks, status }));
  }

  private tell(message: object, isAnswer: (told: Told) => boolean): Promise<Told> {
    return new Promise((resolve) => {
      const listen = (told: Told): void => {
        if (!isAnswer(told)) return;
        this.server.off('message', listen);
        resolve(told);
      };
      this.server.on('message', listen);
      this.server.postMessage(message);
    });
  }
}

/** @param sorted ascending; empty: NaN */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

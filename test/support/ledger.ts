import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

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

/**
 * A receiver that books every request against what was accepted. Fast, so that it is never what a case measures: it keeps
 * counts and times, no bodies. Times are in ms of the monotonic clock.
 */
export class Ledger {
  /** Event ids that were answered 202, with the time when they were posted. */
  readonly acceptedAt = new Map<string, number>();
  readonly deliveredAt = new Map<string, number>();
  private readonly arrivals = new Map<string, number>();
  private readonly requests = new Map<string, number>();
  private readonly answering = new Map<string, Answering>();
  private duplicates = 0;
  private port = 0;
  private server = this.createServer();

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

  /** From posting an event to its first delivery, sorted, in ms. */
  latencies(eventIds: Iterable<string> = this.acceptedAt.keys()): number[] {
    return [...eventIds]
      .map((id) => (this.deliveredAt.get(id) ?? Infinity) - (this.acceptedAt.get(id) ?? 0))
      .sort((a, b) => a - b);
  }

  /** Connections are refused from now on, and those that are open are cut. */
  async down(): Promise<void> {
    await new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }

  /** After {@link down}, on the same port. */
  async up(): Promise<void> {
    this.server = this.createServer();
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(this.port, '127.0.0.1', resolve);
    });
    this.port = (this.server.address() as AddressInfo).port;
  }

  private createServer(): ReturnType<typeof createServer> {
    return createServer((request, response) => {
      request.resume();
      request.once('end', () => {
        this.handle(request, response).catch(() => response.destroy());
      });
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const eventId = String(request.headers['webhook-id']);
    const key = `${path} ${eventId}`;
    const nth = (this.arrivals.get(key) ?? 0) + 1;
    this.arrivals.set(key, nth);
    this.requests.set(path, this.requestsAt(path) + 1);
    const answering = this.answering.get(path);
    const status =
      answering === undefined
        ? 200
        : await answering({ path, eventId, nth, timestampSeconds: Number(request.headers['webhook-timestamp']) });
    // Nobody reads the answer any more: its sender has been killed, or its deadline is over.
    if (status === null || response.destroyed) return;
    if (status < 300) {
      if (this.deliveredAt.has(eventId)) this.duplicates += 1;
      else this.deliveredAt.set(eventId, performance.now());
    }
    response.writeHead(status).end();
  }
}

/** @param sorted ascending; empty: NaN */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

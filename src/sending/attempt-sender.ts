import { LRUCache } from 'lru-cache';
import type { Dispatcher } from 'undici';
import type { AddressRules } from './address-rules.js';
import { type AttemptError, attemptError } from './attempt-error.js';
import { AttemptExchange, type ExchangeEnd } from './attempt-exchange.js';
import type { ReceiverTls } from './receiver-tls.js';
import { storableHeaderValue } from './response-text.js';
import { parseHttpDate, parseRetryAfter } from './retry-after.js';
import type { TlsAgents } from './tls-agents.js';

export interface AttemptRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Of the whole attempt, from the call of `send` to the response's last byte. */
  readonly timeoutMs: number;
  /** The endpoint's own certificates; null or left out: it has none. */
  readonly tls?: ReceiverTls | null;
}

export interface AttemptResult {
  readonly outcome: 'succeeded' | 'failed';
  /** Null when no response began. */
  readonly statusCode: number | null;
  /** Null exactly when the attempt succeeded. */
  readonly error: AttemptError | null;
  readonly responseHeaders: Record<string, string | string[]>;
  /** The first 16 KiB, as text that PostgreSQL can store. */
  readonly responseBody: string;
  readonly responseTruncated: boolean;
  /** What a failed response asked for, 0 to 3,600; null without one. */
  readonly retryAfterSeconds: number | null;
  readonly durationMs: number;
}

/** Where a request goes, of a URL that the rules allow. */
interface Target {
  readonly origin: string;
  readonly path: string;
}

/** In characters of URLs and of what becomes of them. */
const REMEMBERED_TARGETS_SIZE = 1_000_000;

/**
 * Sends one attempt and tells how it went.
 *
 * - Only a complete 2xx response succeeds. Complete includes one that was cut after 16 KiB by us: its status is known and
 *   its body is of no interest. A response that breaks off, or is not done at the deadline, fails although its status was
 *   2xx, and `statusCode` tells that status: at least once means sending again where it is uncertain.
 * - Redirects are failures and never followed. Nothing is decompressed, so nothing can swell.
 */
export class AttemptSender {
  /** What is said of a URL's text is always the same: the rules have no state. Of its addresses each connection asks anew. */
  private readonly targets = new LRUCache<string, Target | 'refused'>({
    maxSize: REMEMBERED_TARGETS_SIZE,
    sizeCalculation: (target, url) =>
      url.length + (target === 'refused' ? 0 : target.origin.length + target.path.length),
  });
  private inFlight = 0;
  private onIdle: (() => void) | null = null;

  /**
   * @param dispatcher from `createGuardedAgent`, with the same rules; `close` closes it
   * @param tlsAgents for requests with certificates of their own; `close` closes these as well
   */
  constructor(
    private readonly rules: AddressRules,
    private readonly dispatcher: Dispatcher,
    private readonly tlsAgents: TlsAgents | null = null,
  ) {}

  /**
   * Settles within `timeoutMs`, whatever the receiver does.
   * @throws {Error} only for faults of ours (out of files, a header that can't be sent, sent after `close`): these say
   *   nothing about the receiver and are no attempt.
   */
  async send(request: AttemptRequest): Promise<AttemptResult> {
    const startedAt = performance.now();
    this.inFlight += 1;
    try {
      return toResult(await this.exchange(request), startedAt);
    } finally {
      this.inFlight -= 1;
      if (this.inFlight === 0) this.onIdle?.();
    }
  }

  /**
   * Waits for the attempts under way, each of which has its deadline, then closes all connections.
   * @param graceMs how long it waits at most; attempts that are cut off then reject as faults of ours
   */
  async close(graceMs?: number): Promise<void> {
    if (this.inFlight > 0) {
      const idle = new Promise<void>((resolve) => (this.onIdle = resolve));
      const timer = graceMs === undefined ? undefined : setTimeout(() => this.onIdle?.(), graceMs);
      await idle;
      clearTimeout(timer);
    }
    await Promise.all([this.dispatcher.destroy(), this.tlsAgents?.destroy()]);
  }

  private exchange({ url, headers, body, timeoutMs, tls }: AttemptRequest): Promise<ExchangeEnd> {
    const target = this.targetOf(url);
    if (target === 'refused') return Promise.resolve(refusedUrl());
    const { origin, path } = target;
    return new Promise((resolve, reject) => {
      const dispatcher = this.dispatcherFor(tls);
      const handler = new AttemptExchange(timeoutMs, resolve, reject);
      dispatcher.dispatch({ origin, path, method: 'POST', headers, body }, handler);
    });
  }

  private targetOf(url: string): Target | 'refused' {
    const known = this.targets.get(url);
    if (known !== undefined) return known;
    const verdict = this.rules.checkUrl(url);
    const target: Target | 'refused' = verdict.ok
      ? { origin: verdict.url.origin, path: verdict.url.pathname + verdict.url.search }
      : 'refused';
    this.targets.set(url, target);
    return target;
  }

  private dispatcherFor(tls: ReceiverTls | null | undefined): Dispatcher {
    if (tls === null || tls === undefined) return this.dispatcher;
    // Never without them: a receiver that asks for no certificate would get what was meant for another.
    if (this.tlsAgents === null) throw new Error('This sender has no agents for certificates.');
    return this.tlsAgents.of(tls);
  }
}

function refusedUrl(): ExchangeEnd {
  return { error: attemptError('address_refused'), statusCode: null, headers: {}, body: '', bodyTruncated: false };
}

function toResult(end: ExchangeEnd, startedAt: number): AttemptResult {
  const error = end.error ?? errorOfStatus(end.statusCode);
  const responseHeaders = storableHeaders(end.headers);
  return {
    outcome: error === null ? 'succeeded' : 'failed',
    statusCode: end.statusCode,
    error,
    responseHeaders,
    responseBody: end.body,
    responseTruncated: end.bodyTruncated,
    retryAfterSeconds: error === null ? null : retryAfterOf(responseHeaders),
    durationMs: Math.round(performance.now() - startedAt),
  };
}

function errorOfStatus(statusCode: number | null): AttemptError | null {
  if (statusCode === null) return attemptError('invalid_response');
  if (statusCode >= 200 && statusCode < 300) return null;
  if (statusCode >= 300 && statusCode < 400) {
    return { code: 'redirect', message: `redirects are not followed (HTTP ${statusCode})` };
  }
  return { code: 'http_status', message: `HTTP ${statusCode}` };
}

function storableHeaders(headers: ExchangeEnd['headers']): Record<string, string | string[]> {
  const storable: [string, string | string[]][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') storable.push([name, storableHeaderValue(value)]);
    else if (value !== undefined) storable.push([name, value.map(storableHeaderValue)]);
  }
  // `fromEntries` defines, where an assignment would fall for a header named `__proto__`.
  return Object.fromEntries(storable);
}

function retryAfterOf(headers: AttemptResult['responseHeaders']): number | null {
  const first = (name: string): string | undefined => [headers[name] ?? []].flat()[0];
  return parseRetryAfter(first('retry-after'), parseHttpDate(first('date') ?? '') ?? Date.now());
}

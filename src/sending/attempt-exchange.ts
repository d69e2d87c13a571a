import type { Dispatcher } from 'undici';
import { type AttemptError, attemptError, classifyNetworkError, isOwnFault } from './attempt-error.js';
import { storableText } from './response-text.js';

/** What of a response's body is kept, in bytes. */
export const MAX_RESPONSE_BODY_BYTES = 16 * 1024;

// A receiver may send early hints; one that sends nothing else only keeps the parser busy until the deadline.
const MAX_INFORMATIONAL_RESPONSES = 32;

/** How an exchange ended: with a response that is complete or cut by us (`error: null`), or with an error on its way. */
export interface ExchangeEnd {
  readonly error: AttemptError | null;
  /** Null when no final response began. */
  readonly statusCode: number | null;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly bodyTruncated: boolean;
}

/**
 * One request and its response, under one deadline that starts with the object and covers the wait for a connection, name
 * resolution, TCP, TLS, headers and body. Settles exactly once, whatever the dispatcher does afterwards.
 *
 * A dispatch handler rather than `request()`: an AbortSignal does not reach a request that still waits for its
 * connection, so that one would outlive its deadline. It also saves a stream and an AbortController for each attempt.
 */
export class AttemptExchange implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | null = null;
  private settled = false;
  private informationalResponses = 0;
  private statusCode: number | null = null;
  private headers: ExchangeEnd['headers'] = {};
  private readonly chunks: Buffer[] = [];
  private bodyBytes = 0;
  private readonly deadline: NodeJS.Timeout;

  constructor(
    timeoutMs: number,
    private readonly resolve: (end: ExchangeEnd) => void,
    private readonly reject: (ownFault: Error) => void,
  ) {
    const timeOut = (): void => this.cut({ code: 'timeout', message: `no complete response within ${timeoutMs} ms` });
    // A process that stood still (a machine starved, a virtual one moved) finds this timer due before it has read what came
    // meanwhile: timers run first in a turn of the event loop, immediates after its input. Without the detour every answer that
    // was there in time would count as late, and its delivery would be made again.
    this.deadline = setTimeout(() => setImmediate(timeOut), timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // The deadline passed while it waited for a connection: nothing may be sent after the attempt was recorded.
    if (this.settled) this.abort();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (statusCode < 200) {
      this.informationalResponses += 1;
      if (this.informationalResponses > MAX_INFORMATIONAL_RESPONSES) this.cut(attemptError('invalid_response'));
      return;
    }
    this.statusCode = statusCode;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = MAX_RESPONSE_BODY_BYTES - this.bodyBytes;
    this.chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    this.bodyBytes += chunk.length;
    // We have what we keep and the receiver has given its verdict: reading on would only cost us.
    if (this.bodyBytes > MAX_RESPONSE_BODY_BYTES) this.cut(null);
  }

  onResponseEnd(): void {
    this.settle(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (isOwnFault(error)) this.fail(error);
    else this.settle(classifyNetworkError(error));
  }

  /** Settles and closes the connection, which can't be used again with a response half read. */
  private cut(error: AttemptError | null): void {
    this.settle(error);
    this.abort();
  }

  private abort(): void {
    this.controller?.abort(new Error('the attempt is over'));
  }

  private settle(error: AttemptError | null): void {
    if (!this.finish()) return;
    const bodyTruncated = this.bodyBytes > MAX_RESPONSE_BODY_BYTES;
    this.resolve({
      error,
      statusCode: this.statusCode,
      headers: this.headers,
      body: storableText(Buffer.concat(this.chunks), bodyTruncated),
      bodyTruncated,
    });
  }

  private fail(ownFault: Error): void {
    if (this.finish()) this.reject(ownFault);
  }

  private finish(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.deadline);
    return true;
  }
}

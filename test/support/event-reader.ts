import { request, type IncomingMessage } from 'node:http';
import type { StreamedAttempt } from '../../src/stream/attempt-message.js';
import { waitFor } from './processes.js';

/** A reader of `GET /stream`, as a browser is one. */
export class EventReader {
  private text = '';
  /** Whether the other side has ended it. */
  ended = false;

  private constructor(
    readonly incoming: IncomingMessage,
    readonly status: number,
  ) {
    incoming.setEncoding('utf8').on('data', (part: string) => (this.text += part));
    incoming.on('close', () => (this.ended = true));
    incoming.on('error', () => undefined);
  }

  /** Answers once the stream has begun, or was refused. */
  static open(url: string, key: string, headers: Record<string, string> = {}): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`${url}/api/v1/stream`, { headers: { 'x-api-key': key, ...headers } }, (incoming) =>
        resolve(new EventReader(incoming, incoming.statusCode ?? 0)),
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  close(): void {
    this.incoming.destroy();
  }

  /** The data of all events of this name so far. */
  events<Data = unknown>(name: string): Data[] {
    return [...this.text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)]
      .filter(([, event]) => event === name)
      .map(([, , data]) => JSON.parse(data ?? '') as Data);
  }

  get attempts(): StreamedAttempt[] {
    return this.events<StreamedAttempt>('attempt');
  }

  async waitForAttempt(isRight: (attempt: StreamedAttempt) => boolean): Promise<StreamedAttempt> {
    let found: StreamedAttempt | undefined;
    await waitFor(
      () => {
        found = this.attempts.find(isRight);
        return found !== undefined;
      },
      { what: `an attempt; the stream said ${this.text}` },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; the stream said ${this.text}`, { cause: error });
    });
    return found as StreamedAttempt;
  }
}

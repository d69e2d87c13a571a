import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from './processes.js';

export interface ReceivedHook {
  atMs: number;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** What was answered; 0 while the answer is still to come. */
  status: number;
}

export interface HookAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** Decides on the answer; a promise lets the sender wait. `nth` counts the requests of this path, from 1. */
export type Respond = (hook: ReceivedHook, nth: number) => HookAnswer | Promise<HookAnswer>;

const OK: HookAnswer = { status: 200, body: 'ok' };

/** A receiver that answers as a test says, path by path, and keeps every request's bytes. Without being told it answers 200. */
export class HookServer {
  readonly received: ReceivedHook[] = [];
  private readonly responders = new Map<string, Respond>();
  private readonly counts = new Map<string, number>();
  private readonly server = createServer((request, response) => {
    this.handle(request, response).catch(() => response.destroy());
  });

  static async start(): Promise<HookServer> {
    const hooks = new HookServer();
    await new Promise<void>((resolve, reject) => {
      hooks.server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return hooks;
  }

  /** @param path as in {@link ReceivedHook} */
  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  respond(path: string, respond: Respond): void {
    this.responders.set(path, respond);
  }

  at(path: string): ReceivedHook[] {
    return this.received.filter((hook) => hook.path === path);
  }

  async waitForRequests(path: string, count: number): Promise<ReceivedHook[]> {
    await waitFor(() => this.at(path).length >= count, { what: `${count} requests at ${path}` });
    return this.at(path);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const path = request.url ?? '/';
    const hook: ReceivedHook = {
      atMs: Date.now(),
      path,
      headers: request.headers,
      body: Buffer.concat(chunks),
      status: 0,
    };
    const nth = (this.counts.get(path) ?? 0) + 1;
    this.counts.set(path, nth);
    this.received.push(hook);
    const answer = await (this.responders.get(path) ?? (() => OK))(hook, nth);
    hook.status = answer.status;
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body ?? '');
  }
}

/** A promise that a test opens, for receivers that are to answer at a moment of its choice. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

import { realpathSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { verifyWebhook } from './verify-webhook.js';

export interface ReceivedDelivery {
  readonly at: Date;
  readonly path: string;
  readonly webhookId: string | null;
  readonly eventType: string | null;
  readonly attempt: number | null;
  /** What was answered. */
  readonly status: number;
  readonly signature: 'valid' | 'invalid' | 'not checked';
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ReceiverOptions {
  /** 0 picks a free one. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Secrets to verify with, as one or separated by commas; without any, signatures are not checked. */
  readonly secret?: string;
  /** Called after each answer. */
  readonly onRequest?: (delivery: ReceivedDelivery) => void;
  /** Print nothing. */
  readonly quiet?: boolean;
  /** Print all headers too. */
  readonly verbose?: boolean;
}

export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** The last 10,000, oldest first. */
  readonly received: readonly ReceivedDelivery[];
  close(): Promise<void>;
}

export const RECEIVER_PATHS = [
  '/ok                    200',
  '/flaky                 500 twice for each webhook-id, then 200',
  '/fail                  500',
  '/slow                  200 after 2 seconds',
  '/gone                  410, which disables the endpoint',
  '/status/<code>         that status, 200 to 599',
  '/retry-after/<seconds> 503 with Retry-After',
];

const KEPT_DELIVERIES = 10_000;
const MAX_BODY_BYTES = 1024 * 1024;
const PRINTED_BODY_CHARACTERS = 200;
const SLOW_MS = 2_000;
const FLAKY_FAILURES = 2;

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly delayMs?: number;
}

/** Starts a receiver for trying deliveries out. Rejects when it can't listen (`EADDRINUSE`). */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const secrets = (options.secret ?? '')
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  const received: ReceivedDelivery[] = [];
  const failuresById = new Map<string, number>();
  const closing = new AbortController();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = new Date();
    const body = await readBody(request);
    const webhookId = headerOf(request, 'webhook-id');
    const path = request.url ?? '/';
    const answer =
      body === null ? { status: 413 } : answerTo(path.split('?')[0] ?? path, webhookId ?? '', failuresById);
    if (answer.delayMs !== undefined) await wait(answer.delayMs, undefined, { signal: closing.signal });
    // A receiver of yours answers 401 where `signature` is invalid; this one goes on, so that you can see everything.
    const signature = signatureVerdict(request, body ?? Buffer.alloc(0), secrets);
    response.writeHead(answer.status, { 'content-type': 'text/plain; charset=utf-8', ...answer.headers });
    response.end(answer.body ?? '');

    const attempt = Number(headerOf(request, 'webhook-attempt') ?? Number.NaN);
    const delivery: ReceivedDelivery = {
      at,
      path,
      webhookId,
      eventType: headerOf(request, 'webhook-event-type'),
      attempt: Number.isNaN(attempt) ? null : attempt,
      status: answer.status,
      signature,
      headers: request.headers,
      body: body?.toString() ?? '',
    };
    received.push(delivery);
    if (received.length > KEPT_DELIVERIES) received.shift();
    if (!options.quiet) console.log(describe(delivery, options.verbose ?? false));
    options.onRequest?.(delivery);
  };

  const server = createServer((request, response) => {
    // The sender hung up: there is nobody left to answer, and nothing to report.
    handle(request, response).catch(() => response.destroy());
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    received,
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answerTo(path: string, webhookId: string, failuresById: Map<string, number>): Answer {
  const [, route = '', argument = ''] = path.split('/');
  const isNumber = /^\d{1,9}$/.test(argument);
  if (path === '/ok') return { status: 200, body: 'ok' };
  if (path === '/fail') return { status: 500, body: 'always fails' };
  if (path === '/slow') return { status: 200, body: 'ok, at last', delayMs: SLOW_MS };
  if (path === '/gone') return { status: 410, body: 'gone' };
  if (path === '/flaky') {
    const failures = failuresById.get(webhookId) ?? 0;
    if (failures >= FLAKY_FAILURES) {
      failuresById.delete(webhookId);
      return { status: 200, body: 'ok, after all' };
    }
    failuresById.set(webhookId, failures + 1);
    return { status: 500, body: `failure ${failures + 1} of ${FLAKY_FAILURES}` };
  }
  if (route === 'status' && isNumber && Number(argument) >= 200 && Number(argument) <= 599) {
    return { status: Number(argument) };
  }
  if (route === 'retry-after' && isNumber) return { status: 503, headers: { 'retry-after': argument } };
  return { status: 404, body: `The receiver's paths:\n${RECEIVER_PATHS.join('\n')}\n` };
}

function signatureVerdict(
  request: IncomingMessage,
  body: Buffer,
  secrets: readonly string[],
): ReceivedDelivery['signature'] {
  if (secrets.length === 0) return 'not checked';
  return verifyWebhook(request.headers, body, secrets).valid ? 'valid' : 'invalid';
}

/** Null when it is larger than any delivery. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? null : Buffer.concat(chunks);
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

function describe(delivery: ReceivedDelivery, verbose: boolean): string {
  const signature = { valid: 'signature ✓', invalid: 'signature ✗', 'not checked': 'signature not checked' };
  const line = [
    delivery.at.toISOString().slice(11, 23),
    `${delivery.path} → ${delivery.status}`,
    delivery.webhookId ?? 'no webhook-id',
    delivery.eventType ?? 'no event type',
    `attempt ${delivery.attempt ?? '?'}`,
    signature[delivery.signature],
    printable(delivery.body),
  ].join('  ');
  if (!verbose) return line;
  const headers = Object.entries(delivery.headers).map(([name, value]) => `    ${name}: ${printable(String(value))}`);
  return [line, ...headers].join('\n');
}

/** On one line, and without the control characters that a terminal would obey. */
function printable(text: string): string {
  const oneLine = text.replace(/\p{Cc}+/gu, ' ');
  return oneLine.length > PRINTED_BODY_CHARACTERS ? `${oneLine.slice(0, PRINTED_BODY_CHARACTERS)}…` : oneLine;
}

async function main(): Promise<void> {
  const port = Number(process.env.RECEIVER_PORT ?? 4000);
  const secret = process.env.RECEIVER_SECRET ?? '';
  const host = process.env.RECEIVER_HOST ?? '127.0.0.1';
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('RECEIVER_PORT must be 0 to 65535');
  const receiver = await startReceiver({ port, host, secret, verbose: process.env.RECEIVER_VERBOSE === '1' });
  console.log(`Receiving on ${receiver.url} (Ctrl-C ends it)\n\n${RECEIVER_PATHS.join('\n')}\n`);
  if (secret === '') {
    console.log('Signatures are not checked. To check them: RECEIVER_SECRET=whsec_… npm run receiver\n');
  }
  const stop = (): void => void receiver.close().then(() => process.exit(0));
  process.once('SIGINT', stop).once('SIGTERM', stop);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error: NodeJS.ErrnoException) => {
    const taken = error.code === 'EADDRINUSE';
    const port = process.env.RECEIVER_PORT ?? '4000';
    console.error(taken ? `Port ${port} is already taken: set RECEIVER_PORT to another one.` : error.message);
    process.exit(1);
  });
}

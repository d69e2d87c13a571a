import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { AddressRules } from '../../src/sending/address-rules.js';
import type { AttemptErrorCode } from '../../src/sending/attempt-error.js';
import { type AttemptResult, AttemptSender } from '../../src/sending/attempt-sender.js';
import { createGuardedAgent } from '../../src/sending/guarded-agent.js';
import { waitFor } from '../support/processes.js';
import { answering, type Behaviour, drip, RawReceiver, writeForEver } from '../support/raw-receiver.js';

const rules = new AddressRules({ allowedPrivateCidrs: ['127.0.0.0/8'], httpsOnly: false });
const KEPT_BYTES = 16 * 1024;
const BODY = '{"n":1}';

let sender: AttemptSender;
const receivers: RawReceiver[] = [];

beforeEach(() => {
  sender = new AttemptSender(rules, createGuardedAgent({ rules }));
});

afterEach(async () => {
  await sender.close();
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});

async function startReceiver(behave: Behaviour, when?: 'connected' | 'requested'): Promise<RawReceiver> {
  const receiver = await RawReceiver.start(behave, BODY, when);
  receivers.push(receiver);
  return receiver;
}

function send(url: string, timeoutMs = 5_000): Promise<AttemptResult> {
  return sender.send({ url, headers: { 'webhook-id': 'evt-1' }, body: Buffer.from(BODY), timeoutMs });
}

describe('an attempt at a receiver that behaves', () => {
  it('succeeds on 2xx and keeps status, headers and body', async () => {
    const { url } = await startReceiver(
      answering('HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\nX-A: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\ndone'),
    );
    expect(await send(url)).toEqual({
      outcome: 'succeeded',
      statusCode: 202,
      error: null,
      responseHeaders: { 'content-length': '4', 'x-a': '1', 'set-cookie': ['a', 'b'] },
      responseBody: 'done',
      responseTruncated: false,
      retryAfterSeconds: null,
      durationMs: expect.any(Number) as number,
    });
  });

  it('keeps connections for the attempts that follow', async () => {
    const receiver = await startReceiver(answering('HTTP/1.1 204 No Content\r\n\r\n'));
    for (let count = 0; count < 20; count += 1) expect((await send(receiver.url)).statusCode).toBe(204);
    expect(receiver.requests).toBe(20);
    // A connection is free again one turn of the event loop after its response, too late for an attempt that follows at once.
    expect(receiver.connections).toBeLessThanOrEqual(2);
  });

  it.each([400, 404, 410, 429, 500, 503, 599])('fails on %i with the status', async (statusCode) => {
    const { url } = await startReceiver(answering(`HTTP/1.1 ${statusCode} No\r\nContent-Length: 2\r\n\r\nno`));
    expect(await send(url)).toMatchObject({
      outcome: 'failed',
      statusCode,
      error: { code: 'http_status', message: `HTTP ${statusCode}` },
      responseBody: 'no',
    });
  });

  it('finishes the attempts under way before it closes, and then sends no more', async () => {
    let answer: (() => void) | undefined;
    const receiver = await startReceiver((socket) => {
      answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const attempt = send(receiver.url);
    await waitFor(() => receiver.requests === 1, { what: 'the request' });
    const closed = sender.close();
    answer?.();
    expect((await attempt).outcome).toBe('succeeded');
    await closed;
    await expect(send(receiver.url)).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
    expect(receiver.requests).toBe(1);
  });

  it('throws for a header that can not be sent, since that is no verdict on the receiver', async () => {
    const receiver = await startReceiver(answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const request = { url: receiver.url, headers: { 'x-a': 'b\r\nc' }, body: Buffer.from(BODY), timeoutMs: 1_000 };
    await expect(sender.send(request)).rejects.toMatchObject({ code: 'UND_ERR_INVALID_ARG' });
    expect(receiver.requests).toBe(0);
  });
});

describe('an attempt at a hostile receiver is one bounded failure', () => {
  it('when it never answers', async () => {
    const receiver = await startReceiver(() => undefined);
    const result = await send(receiver.url, 300);
    expect(result).toMatchObject({ outcome: 'failed', statusCode: null, error: { code: 'timeout' }, responseBody: '' });
    await waitFor(() => receiver.openSockets.size === 0, { what: 'the connection to end' });
    expect(receiver.requests).toBe(1);
  });

  it('when it never reads either', async () => {
    const receiver = await startReceiver((socket) => socket.pause(), 'connected');
    const body = Buffer.alloc(20 * 1024 * 1024, 0x20);
    const result = await sender.send({ url: receiver.url, headers: {}, body, timeoutMs: 300 });
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'timeout' } });
  });

  it.each<[string, string, string]>([
    ['its status line', '', 'H'],
    ['a header', 'HTTP/1.1 200 OK\r\nX-Drip: ', 'x'],
    ['header lines', 'HTTP/1.1 200 OK\r\n', 'a: b\r\n'],
    ['the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n', 'x'],
    ['a body without length', 'HTTP/1.1 200 OK\r\n\r\n', 'x'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'],
    ['a chunk extension', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;', 'x'],
    ['trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n', 'a: b\r\n'],
  ])('when it drips %s byte by byte', async (what, start, piece) => {
    const receiver = await startReceiver((socket) => {
      socket.write(start);
      drip(socket, piece);
    });
    const result = await send(receiver.url, 400);
    expect(result.outcome).toBe('failed');
    // "HHHH…" is no status line, which shows at once.
    expect(result.error?.code).toBe(what === 'its status line' ? 'invalid_response' : 'timeout');
    await waitFor(() => receiver.openSockets.size === 0, { what: 'the connection to end' });
  });

  it.each([102, 103])('when it floods with %i responses', async (statusCode) => {
    const receiver = await startReceiver((socket) => writeForEver(socket, `HTTP/1.1 ${statusCode} More\r\n\r\n`));
    expect(await send(receiver.url)).toMatchObject({ statusCode: null, error: { code: 'invalid_response' } });
    await waitFor(() => receiver.openSockets.size === 0, { what: 'the connection to end' });
  });

  it.each([
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  ])('when it floods with %j', async (response) => {
    const receiver = await startReceiver((socket) => writeForEver(socket, response));
    expect(await send(receiver.url)).toMatchObject({ outcome: 'failed', statusCode: null });
    await waitFor(() => receiver.openSockets.size === 0, { what: 'the connection to end' });
  });

  it('but a few early hints before the response are fine', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
    const { url } = await startReceiver(answering(hint, hint, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    expect(await send(url)).toMatchObject({ outcome: 'succeeded', statusCode: 200 });
  });

  it.each<[string, string, AttemptErrorCode]>([
    ['speaks SSH', 'SSH-2.0-OpenSSH_9.6\r\n', 'invalid_response'],
    ['speaks Redis', '-ERR unknown command\r\n', 'invalid_response'],
    ['speaks HTTP/0.9', '<html>hello</html>', 'invalid_response'],
    ['speaks HTTP/2 only', '\0\0\x12\x04\0\0\0\0\0', 'invalid_response'],
    [
      'says 40 KB of headers',
      `HTTP/1.1 200 OK\r\n${`x-fill: ${'y'.repeat(992)}\r\n`.repeat(40)}\r\n`,
      'headers_too_large',
    ],
    ['says one header of 40 KB', `HTTP/1.1 200 OK\r\nx-fill: ${'y'.repeat(40_000)}\r\n\r\n`, 'headers_too_large'],
    [
      'says both lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
      'invalid_response',
    ],
    ['says two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc', 'invalid_response'],
    ['says a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc', 'invalid_response'],
    ['sends a NUL in a header', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n', 'invalid_response'],
    ['sends a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'invalid_response'],
  ])('when it %s', async (_what, response, code) => {
    const receiver = await startReceiver(answering(response));
    expect(await send(receiver.url)).toMatchObject({ outcome: 'failed', error: { code } });
    await waitFor(() => receiver.openSockets.size === 0, { what: 'the connection to end' });
    expect(receiver.requests).toBe(1);
  });

  it('when its body is shorter than its Content-Length says, though the status was 200', async () => {
    const { url } = await startReceiver((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'));
    const result = await send(url);
    expect(result).toMatchObject({ outcome: 'failed', statusCode: 200, responseBody: 'short' });
    expect(['connection_reset', 'invalid_response']).toContain(result.error?.code);
  });

  it('when its body is longer than its Content-Length says, which must not leak into the next attempt', async () => {
    const receiver = await startReceiver(
      answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n'),
    );
    expect(await send(receiver.url)).toMatchObject({ statusCode: 200, responseBody: 'ok' });
    expect(await send(receiver.url)).toMatchObject({ statusCode: 200, responseBody: 'ok' });
    expect(receiver.connections).toBe(2);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['closes', (socket) => void socket.end()],
    ['resets', (socket) => void socket.resetAndDestroy()],
  ])('when it %s at once', async (_what, behave) => {
    const receiver = await startReceiver(behave, 'connected');
    expect(await send(receiver.url)).toMatchObject({ statusCode: null, error: { code: 'connection_reset' } });
    expect(receiver.connections).toBe(1);
  });

  it('when it resets in the midst of the body', async () => {
    const { url } = await startReceiver((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
    });
    expect(await send(url)).toMatchObject({ outcome: 'failed', error: { code: 'connection_reset' } });
  });

  it('when nobody listens, for many attempts at once', async () => {
    const receiver = await startReceiver(() => undefined);
    const url = receiver.url;
    await receivers.pop()?.close();
    await sender.close();
    sender = new AttemptSender(rules, createGuardedAgent({ rules, connectionsPerOrigin: 2 }));
    const results = await Promise.all(Array.from({ length: 20 }, () => send(url)));
    expect(results.map(({ error }) => error)).toEqual(
      Array.from({ length: 20 }, () => ({ code: 'connection_refused', message: 'connection refused' })),
    );
  });

  it.each([301, 302, 303, 307, 308])('when it redirects with %i to a metadata address', async (statusCode) => {
    const location = 'http://169.254.169.254/latest/meta-data/';
    const response = `HTTP/1.1 ${statusCode} Go\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
    const receiver = await startReceiver(answering(response));
    expect(await send(receiver.url)).toMatchObject({
      outcome: 'failed',
      statusCode,
      error: { code: 'redirect' },
      responseHeaders: { location },
    });
    expect(receiver.requests).toBe(1);
  });

  it('when every connection to it is taken: the deadline holds while waiting, and nothing is sent afterwards', async () => {
    await sender.close();
    sender = new AttemptSender(rules, createGuardedAgent({ rules, connectionsPerOrigin: 1 }));
    const receiver = await startReceiver((socket, requestNumber) => {
      if (requestNumber > 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const slow = send(receiver.url, 900);
    const waiting = await send(receiver.url, 200);
    expect(waiting).toMatchObject({ statusCode: null, error: { code: 'timeout' } });
    expect(await slow).toMatchObject({ error: { code: 'timeout' } });
    expect(await send(receiver.url)).toMatchObject({ statusCode: 200 });
    expect(receiver.requests).toBe(2);
  });
});

describe('what is kept of a response is bounded', () => {
  it.each<[string, string, AttemptResult['outcome']]>([
    ['of no length', 'HTTP/1.1 200 OK\r\n\r\n', 'succeeded'],
    ['of a huge length', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n', 'succeeded'],
    ['of an error', 'HTTP/1.1 500 No\r\n\r\n', 'failed'],
  ])('an endless body %s is cut, and its status decides', async (_what, head, outcome) => {
    const receiver = await startReceiver((socket) => {
      socket.write(head);
      writeForEver(socket, Buffer.alloc(64 * 1024, 'x'));
    });
    const result = await send(receiver.url);
    expect(result).toMatchObject({ outcome, responseTruncated: true });
    expect(result.responseBody).toBe('x'.repeat(KEPT_BYTES));
    await waitFor(() => receiver.openSockets.size === 0, { what: 'the connection to end' });
  });

  it('a body of exactly 16 KiB is whole, one byte more is cut', async () => {
    const respond = (bytes: number): string =>
      `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`;
    const { url } = await startReceiver((socket, n) => void socket.write(respond(KEPT_BYTES + (n === 1 ? 0 : 1))));
    expect(await send(url)).toMatchObject({ responseTruncated: false });
    const cut = await send(url);
    expect(cut).toMatchObject({ outcome: 'succeeded', responseTruncated: true });
    expect(cut.responseBody).toHaveLength(KEPT_BYTES);
  });

  it('a gzip bomb is not inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const { url } = await startReceiver(
      answering(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`, bomb),
    );
    const result = await send(url);
    expect(result).toMatchObject({ outcome: 'succeeded', responseTruncated: true });
    expect(result.responseBody.length).toBeLessThanOrEqual(KEPT_BYTES);
    expect(result.responseBody).not.toContain('\0');
  });

  it('bytes that PostgreSQL can not store are replaced, in body and headers', async () => {
    const { url } = await startReceiver(
      answering(
        'HTTP/1.1 200 OK\r\nX-Latin: ',
        Buffer.from([0x6e, 0xe4]),
        '\r\n__proto__: p\r\nconstructor: c\r\n' + 'Content-Length: 4\r\n\r\n',
        Buffer.from([0x61, 0, 0xff, 0x62]),
      ),
    );
    const result = await send(url);
    expect(result.responseBody).toBe('a\uFFFD\uFFFDb');
    expect(Object.entries(result.responseHeaders)).toEqual([
      ['x-latin', 'n\uFFFD'],
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['content-length', '4'],
    ]);
  });

  it.each<[string, number | null]>([
    ['120', 120],
    ['1000000000', 3600],
    ['1e9', null],
    ['-5', null],
    ['soon', null],
    ['Wed, 21 Oct 2015 07:30:00 GMT', 120],
    ['Wed, 21 Oct 2015 07:00:00 GMT', 0],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 3600],
  ])('Retry-After: %s asks for %s seconds, counted from its own Date', async (value, seconds) => {
    const date = 'Date: Wed, 21 Oct 2015 07:28:00 GMT\r\n';
    const { url } = await startReceiver(
      answering(`HTTP/1.1 503 Busy\r\n${date}Retry-After: ${value}\r\nContent-Length: 0\r\n\r\n`),
    );
    expect((await send(url)).retryAfterSeconds).toBe(seconds);
  });

  it('Retry-After on a success means nothing', async () => {
    const { url } = await startReceiver(answering('HTTP/1.1 200 OK\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n'));
    expect((await send(url)).retryAfterSeconds).toBeNull();
  });
});

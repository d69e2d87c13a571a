import { signatureHeaders } from '../../src/signing/signature.js';
import { generateSecret } from '../../src/signing/webhook-secret.js';
import { checkRequests } from './check-requests.js';
import { frameOf, headersOf, pathOf } from './request-framing.js';
import { RequestLog } from './request-log.js';

const ID = '0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f10';
const SECRETS = [generateSecret('standard'), generateSecret('standard')];

function requestTo(path: string, { secret = SECRETS[0] ?? '', agoSeconds = 0, sentBody = '{"n":1}' } = {}): Buffer {
  const timestampSeconds = Math.floor(Date.now() / 1000) - agoSeconds;
  const headers = signatureHeaders({
    scheme: 'standard',
    secrets: [secret],
    id: ID,
    timestampSeconds,
    body: Buffer.from('{"n":1}'),
  });
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(sentBody)) });
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${sentBody}`,
  );
}

function check(bytes: Buffer): { id: string; endpoint: number | undefined; valid: number | undefined } {
  const log = new RequestLog();
  log.add(1, 200, bytes);
  const { ids, endpoints, valid } = checkRequests(log, SECRETS);
  return { id: Buffer.from(ids).toString(), endpoint: endpoints[0], valid: valid[0] };
}

describe('checking the requests that the receiver kept', () => {
  it('takes what its endpoint’s secret has signed', () => {
    expect(check(requestTo('/ok/0'))).toEqual({ id: ID, endpoint: 0, valid: 1 });
    expect(check(requestTo('/flaky/1', { secret: SECRETS[1] }))).toEqual({ id: ID, endpoint: 1, valid: 1 });
  });

  it.each([
    ['another endpoint’s secret', requestTo('/ok/1')],
    ['a body that was changed on its way', requestTo('/ok/0', { sentBody: '{"n":2}' })],
    ['a timestamp that no receiver would take', requestTo('/ok/0', { agoSeconds: 3_600 })],
    ['a timestamp from the future', requestTo('/ok/0', { agoSeconds: -3_600 })],
    ['an endpoint that there is not', requestTo('/ok/2')],
    ['a path that is not the benchmark’s', requestTo('/')],
    ['no headers at all', Buffer.from('POST /ok/0 HTTP/1.1\r\n\r\n')],
  ])('refuses %s', (_what, bytes) => {
    expect(check(bytes).valid).toBe(0);
  });

  it('keeps more than fits into one slab, in order', () => {
    const log = new RequestLog();
    const large = Buffer.alloc(7 * 1024 * 1024, 'x');
    for (let n = 0; n < 5; n++) log.add(n, 200 + n, large);
    log.add(5, 205, Buffer.alloc(20 * 1024 * 1024, 'y'));
    const entries = [...log.entries()];
    expect(log.count).toBe(6);
    expect(entries.map(({ firstByteAt, status }) => [firstByteAt, status])).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => [n, 200 + n]),
    );
    expect(entries.map(({ bytes }) => bytes.length / 1024 / 1024)).toEqual([7, 7, 7, 7, 7, 20]);
    expect(entries[5]?.bytes.every((byte) => byte === 'y'.charCodeAt(0))).toBe(true);
  });
});

describe('framing', () => {
  const request = requestTo('/ok/0');

  it('waits for the end of the head, and says where the body ends', () => {
    const bodyStart = request.indexOf('\r\n\r\n') + 4;
    expect(frameOf(request.subarray(0, bodyStart - 1))).toBeNull();
    expect(frameOf(request.subarray(0, bodyStart))).toEqual({ bodyStart, end: request.length });
    expect(frameOf(Buffer.concat([request, request]))).toEqual({ bodyStart, end: request.length });
  });

  it('reads path and headers', () => {
    const frame = frameOf(request);
    expect(pathOf(request)).toBe('/ok/0');
    expect(frame && headersOf(request, frame)).toMatchObject({ 'webhook-id': ID, 'content-length': '7' });
    expect(frameOf(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))).toEqual({ bodyStart: 27, end: 27 });
  });
});

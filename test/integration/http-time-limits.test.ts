import { HTTP_LIMITS } from '../../src/common/http-limits.js';
import { ApiApp, OPERATOR_KEY } from '../support/api-app.js';
import { waitFor } from '../support/processes.js';
import { exchange, RawClient, type RawAnswer } from '../support/raw-client.js';

const LIMITS = {
  ...HTTP_LIMITS,
  headersTimeoutMs: 400,
  requestTimeoutMs: 800,
  checkIntervalMs: 50,
  keepAliveTimeoutMs: 300,
};

function expectProblem(answer: RawAnswer, status: number, code: string): void {
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.headers).toMatchObject({
    connection: 'close',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  expect(Buffer.byteLength(answer.body)).toBe(Number(answer.headers['content-length']));
  expect(JSON.parse(answer.body)).toMatchObject({
    type: `urn:posthaste:problem:${code}`,
    status,
    request_id: answer.headers['x-request-id'],
  });
}

let api: ApiApp;
let url: string;
beforeAll(async () => {
  api = await ApiApp.start({ limits: LIMITS });
  url = await api.listen();
});
afterAll(() => api.close());

const HEAD =
  'POST /api/v1/tenants HTTP/1.1\r\nhost: posthaste\r\ncontent-type: application/json\r\n' +
  `x-api-key: ${OPERATOR_KEY}\r\n`;

describe('a client that takes its time', () => {
  it('with its headers gets 408 and is cut off', async () => {
    const client = await RawClient.open(url);
    client.drip(`${HEAD}${'x-filler: 1\r\n'.repeat(1_000)}`, 20);
    const answer = await client.ended;
    expectProblem(answer, 408, 'request_timeout');
  });

  it('with its body gets 408 and is cut off, whether its length is told or not', async () => {
    for (const framing of ['content-length: 5000\r\n\r\n', 'transfer-encoding: chunked\r\n\r\n1000\r\n']) {
      const client = await RawClient.open(url);
      client.write(HEAD + framing);
      client.drip(' '.repeat(5_000), 20);
      const answer = await client.ended;
      expectProblem(answer, 408, 'request_timeout');
    }
  });

  it('and says nothing at all is cut off, also when there are hundreds of it', async () => {
    const clients = await Promise.all(Array.from({ length: 300 }, () => RawClient.open(url)));
    expect((await api.call('GET', '/tenants')).status).toBe(200);
    await Promise.all(clients.map((client) => client.ended));
  });

  it('between two requests is cut off without an answer', async () => {
    const client = await RawClient.open(url);
    client.write('GET /api/v1/nothing HTTP/1.1\r\nhost: posthaste\r\n\r\n');
    await waitFor(() => client.answer().status === 404, { what: 'the first answer' });
    expect(client.isOpen).toBe(true);
    const answer = await client.ended;
    expect(answer.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('does not keep others from being served', async () => {
    const client = await RawClient.open(url);
    client.drip(HEAD, 20);
    expect((await api.call('GET', '/tenants')).status).toBe(200);
    expect(client.isOpen).toBe(true);
    await client.ended;
  });
});

describe('bytes that are no request', () => {
  it.each([
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
    ['a method that there is not', 'BREW / HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nhost: a\r\nnonsense\r\n\r\n'],
    ['a line break in the path', 'GET /a\nb HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['two lengths', `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{} `],
    ['a length beside chunks', `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a chunk of no size', `${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n`],
  ])('get 400: %s', async (_name, bytes) => {
    expectProblem(await exchange(url, Buffer.from(bytes, 'latin1')), 400, 'malformed_request');
  });

  it('get 431 when the headers are too large', async () => {
    const bytes = `${HEAD}x-filler: ${'x'.repeat(20 * 1024)}\r\n\r\n`;
    expectProblem(await exchange(url, bytes), 431, 'headers_too_large');
  });
});

describe('a body that is too large', () => {
  it('gets 413 from its announced length alone', async () => {
    const client = await RawClient.open(url);
    client.write(`${HEAD}content-length: 1000000000\r\n\r\n`);
    await waitFor(() => client.answer().status === 413, { what: 'the answer' });
    expect(JSON.parse(client.answer().body)).toMatchObject({ type: 'urn:posthaste:problem:payload_too_large' });
    client.close();
  });

  it('gets 413 in mid-stream when its length is not told, long before its end', async () => {
    const client = await RawClient.open(url);
    client.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    for (let kib = 0; kib < 160 && client.answer().status !== 413; kib += 16) {
      client.write(`4000\r\n${' '.repeat(16 * 1024)}\r\n`);
    }
    await waitFor(() => client.answer().status === 413, { what: 'the answer' });
    expect(JSON.parse(client.answer().body)).toMatchObject({ type: 'urn:posthaste:problem:payload_too_large' });
    client.close();
  });
});

import { ApiApp, type TestTenant } from '../support/api-app.js';
import { RawClient } from '../support/raw-client.js';

/** Well formed, checksum included, and nobody's. */
const UNKNOWN_KEY = `ph_${'0'.repeat(43)}1W43vm`;
const MIB = 1024 * 1024;

let api: ApiApp;
let url: string;
let tenant: TestTenant;
beforeAll(async () => {
  api = await ApiApp.start({ config: { authFailureLimit: 5 } });
  url = await api.listen();
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const headOf = (headers: string[], path = '/api/v1/endpoints'): string =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json', ...headers, '', ''].join('\r\n');

/** Announces a body and sends no byte of it. */
async function announce(headers: string[]): Promise<RawClient> {
  const client = await RawClient.open(url);
  client.write(headOf(headers));
  return client;
}

describe('a request with a body', () => {
  it.each([
    ['without a key', ['Content-Length: 100000']],
    ['without a key, in chunks', ['Transfer-Encoding: chunked']],
    ['with a key that is none', ['Content-Length: 100000', `X-API-Key: ${UNKNOWN_KEY}`]],
    ['with a token that is none', ['Content-Length: 100000', 'Authorization: Bearer eyJh.eyJh.x']],
    ['with a session that is none', ['Content-Length: 100000', 'Cookie: posthaste_session=eyJh.eyJh.x']],
  ])('%s is refused, and its connection ended, before the body comes', async (_what, headers) => {
    const client = await announce(headers);
    const answer = await client.ended;
    expect(answer).toMatchObject({ status: 401, headers: { connection: 'close' } });
    expect(answer.body).toContain('urn:posthaste:problem:unauthorized');
  });

  it('answers somebody who sends megabytes all the same', async () => {
    const client = await announce([`Content-Length: ${10 * MIB}`]);
    client.write(Buffer.alloc(10 * MIB, 0x20));
    expect((await client.ended).status).toBe(401);
  });

  it('is read when the key is good, after which what it may do is asked as ever', async () => {
    expect((await tenant.call('POST', '/endpoints', { url: 'https://93.184.215.14/' })).status).toBe(201);
    expect((await tenant.call('POST', '/tenants', { name: 'x' })).status).toBe(403);
    expect((await tenant.call('POST', '/nothing', {})).status).toBe(404);
  });

  it('counts as a failed authentication', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 7; n++) {
      const answer = await api.app.inject({
        method: 'POST',
        url: '/api/v1/endpoints',
        remoteAddress: '192.0.2.77',
        headers: { 'x-api-key': UNKNOWN_KEY, 'content-type': 'application/json' },
        payload: '{}',
      });
      statuses.push(answer.statusCode);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
  });
});

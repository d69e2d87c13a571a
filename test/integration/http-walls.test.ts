import type { LightMyRequestResponse } from 'fastify';
import { ApiApp, OPERATOR_KEY } from '../support/api-app.js';

interface Ask {
  method?: 'GET' | 'POST' | 'OPTIONS';
  url?: string;
  from?: string;
  headers?: Record<string, string>;
}

const apps: ApiApp[] = [];
afterEach(async () => {
  for (const api of apps.splice(0)) await api.close();
});
const start = async (config: Parameters<typeof ApiApp.start>[0] & object = {}): Promise<ApiApp> => {
  const api = await ApiApp.start(config);
  apps.push(api);
  return api;
};
const ask = (
  api: ApiApp,
  { method = 'GET', url = '/api/v1/nothing', from, headers = {} }: Ask,
): Promise<LightMyRequestResponse> =>
  api.app.inject({ method, url, headers, ...(from === undefined ? {} : { remoteAddress: from }) });
const statuses = async (api: ApiApp, asked: Ask[]): Promise<number[]> => {
  const found: number[] = [];
  for (const one of asked) found.push((await ask(api, one)).statusCode);
  return found;
};
const times = (n: number, one: Ask): Ask[] => Array.from({ length: n }, () => one);

/** Well formed, checksum included, and nobody's. */
const UNKNOWN_KEY = `ph_${'0'.repeat(43)}1W43vm`;
const GUESS: Ask = { url: '/api/v1/endpoints', headers: { 'x-api-key': UNKNOWN_KEY }, from: '192.0.2.1' };

describe('the headers of an answer', () => {
  it('let no browser show, sniff, frame, keep or refer from what is for programs', async () => {
    const api = await start();
    const { key } = await api.createTenant();
    const answers = [
      await ask(api, { url: '/api/v1/endpoints', headers: { 'x-api-key': key } }),
      await ask(api, { url: '/api/v1/endpoints' }),
      await ask(api, { url: '/nothing' }),
      await ask(api, { url: '/%ff' }),
    ];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 401, 404, 400]);
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
      });
      for (const name of ['x-powered-by', 'server', 'strict-transport-security', 'access-control-allow-origin']) {
        expect(headers).not.toHaveProperty(name);
      }
    }
  });

  it('ask for TLS from then on only where a trusted proxy says that there is TLS', async () => {
    const headers = { 'x-forwarded-proto': 'https' };
    const plain = await start();
    expect((await ask(plain, { headers })).headers).not.toHaveProperty('strict-transport-security');
    const behindProxy = await start({ config: { trustProxy: '10.0.0.0/8' } });
    expect((await ask(behindProxy, { headers, from: '10.1.2.3' })).headers['strict-transport-security']).toBe(
      'max-age=63072000',
    );
    expect((await ask(behindProxy, { headers, from: '192.0.2.1' })).headers).not.toHaveProperty(
      'strict-transport-security',
    );
  });
});

describe('a page of another origin', () => {
  const preflight = (origin: string): Ask => ({
    method: 'OPTIONS',
    url: '/api/v1/endpoints',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key' },
  });

  it('may call nothing unless it is named', async () => {
    const api = await start();
    const answer = await ask(api, preflight('https://app.example.com'));
    expect(answer.statusCode).toBe(405);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('may call where it is named, to the letter, and never with cookies', async () => {
    const api = await start({ config: { corsOrigins: ['https://app.example.com'] } });
    const answer = await ask(api, preflight('https://app.example.com'));
    expect(answer.statusCode).toBe(204);
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': 'https://app.example.com' });
    expect(answer.headers['access-control-allow-headers']).toContain('X-API-Key');
    expect(answer.headers['access-control-allow-methods']).toContain('PATCH');
    const call = await ask(api, { url: '/api/v1/endpoints', headers: { origin: 'https://app.example.com' } });
    expect(call.headers['access-control-allow-origin']).toBe('https://app.example.com');
    expect(call.headers['access-control-expose-headers']).toContain('Retry-After');
    expect({ ...answer.headers, ...call.headers }).not.toHaveProperty('access-control-allow-credentials');

    for (const origin of [
      'https://app.example.com.evil.example',
      'http://app.example.com',
      'https://APP.example.com',
      'null',
    ]) {
      const { headers } = await ask(api, preflight(origin));
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });
});

describe('requests without a key', () => {
  it('are limited by address, with the state of the limit on each answer and Retry-After in the end', async () => {
    const api = await start({ config: { ipRateLimit: 3 } });
    const first = await ask(api, { from: '192.0.2.1' });
    expect(first.headers).toMatchObject({ 'ratelimit-policy': '"address";q=3;w=60', ratelimit: '"address";r=2;t=60' });
    // All of these count alike: no route, no key, and a credential where none is asked.
    const others = [{ url: '/nowhere', headers: { 'x-api-key': OPERATOR_KEY } }, { url: '/api/v1/endpoints' }];
    expect(
      await statuses(
        api,
        others.map((one) => ({ ...one, from: '192.0.2.1' })),
      ),
    ).toEqual([404, 401]);

    const refused = await ask(api, { from: '192.0.2.1', headers: { 'x-request-id': 'mine' } });
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(refused.json()).toMatchObject({ type: 'urn:posthaste:problem:rate_limited', request_id: 'mine' });
    expect(refused.headers).toMatchObject({ ratelimit: expect.stringMatching(/^"address";r=0;t=\d+$/) as string });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);

    expect((await ask(api, { from: '192.0.2.2' })).statusCode).toBe(404);
    expect((await api.call('GET', '/tenants')).status).toBe(200);
  });

  it('count an IPv6 network of a customer as one address, and a mapped IPv4 address as itself', async () => {
    const api = await start({ config: { ipRateLimit: 1 } });
    const from = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1', '::ffff:192.0.2.1', '192.0.2.1'];
    expect(
      await statuses(
        api,
        from.map((address) => ({ from: address })),
      ),
    ).toEqual([404, 429, 404, 404, 429]);
  });

  it('are counted for the address that a trusted proxy names, and a forged one helps nobody else', async () => {
    const forged = (n: number): Ask => ({ headers: { 'x-forwarded-for': `198.51.100.${n}` } });
    const open = await start({ config: { ipRateLimit: 2 } });
    expect(await statuses(open, [1, 2, 3].map(forged))).toEqual([404, 404, 429]);

    const behindProxy = await start({ config: { ipRateLimit: 2, trustProxy: '10.0.0.0/8' } });
    const viaProxy = (chain: string): Ask => ({ from: '10.0.0.5', headers: { 'x-forwarded-for': chain } });
    // What a client claims stands before what the proxy adds.
    const chains = [1, 2, 3].map((n) => viaProxy(`198.51.100.${n}, 192.0.2.7`));
    expect(await statuses(behindProxy, [...chains, viaProxy('192.0.2.8')])).toEqual([404, 404, 429, 404]);
    const direct = [1, 2, 3].map((n) => ({ ...forged(n), from: '192.0.2.9' }));
    expect(await statuses(behindProxy, direct)).toEqual([404, 404, 429]);
  });

  it('are not limited with 0', async () => {
    const api = await start({ config: { ipRateLimit: 0 } });
    expect(new Set(await statuses(api, times(50, {})))).toEqual(new Set([404]));
  });
});

describe('authentications that fail', () => {
  it('get an address refused, without a look-up even of the right key', async () => {
    const api = await start({ config: { authFailureLimit: 3 } });
    const { key } = await api.createTenant();
    expect(await statuses(api, times(3, GUESS))).toEqual([401, 401, 401]);
    const refused = await ask(api, GUESS);
    expect(refused.statusCode).toBe(429);
    expect(refused.json()).toMatchObject({ type: 'urn:posthaste:problem:rate_limited' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(refused.headers['ratelimit-policy']).toBe('"authentication";q=3;w=60');

    // A guess that is right at last must not show that it is.
    for (const right of [key, OPERATOR_KEY]) {
      expect((await ask(api, { ...GUESS, headers: { 'x-api-key': right } })).statusCode).toBe(429);
      expect((await ask(api, { ...GUESS, headers: { authorization: `Bearer ${right}` } })).statusCode).toBe(429);
    }
    expect((await ask(api, { ...GUESS, headers: { 'x-api-key': key }, from: '192.0.2.2' })).statusCode).toBe(200);
  });

  it('do not lock out a key that has been in use from the same address', async () => {
    const api = await start({ config: { authFailureLimit: 2 } });
    const { key } = await api.createTenant();
    const neighbour: Ask = { ...GUESS, headers: { 'x-api-key': key } };
    expect(await statuses(api, [neighbour, GUESS, GUESS, GUESS, neighbour])).toEqual([200, 401, 401, 429, 200]);
    // Known is not trusted: it is looked up as ever, and once it fails it is a guess like any other.
    const tenant = await api.createTenant();
    const other: Ask = { ...GUESS, headers: { 'x-api-key': tenant.key }, from: '192.0.2.3' };
    expect((await ask(api, other)).statusCode).toBe(200);
    const { body } = await api.call<{ data: { id: string }[] }>('GET', '/api-keys', { key: tenant.key });
    await api.call('DELETE', `/api-keys/${body.data[0]?.id ?? ''}`, { key: tenant.key });
    expect(await statuses(api, times(4, other))).toEqual([401, 401, 429, 429]);
  });

  it('are not counted for requests that bring no key, which the other limit counts', async () => {
    const api = await start({ config: { authFailureLimit: 2 } });
    const { key } = await api.createTenant();
    expect(await statuses(api, times(5, { ...GUESS, headers: {} }))).toEqual([401, 401, 401, 401, 401]);
    expect((await ask(api, { ...GUESS, headers: { 'x-api-key': key } })).statusCode).toBe(200);
  });

  it('are refused however the path is written', async () => {
    const api = await start({ config: { authFailureLimit: 2 } });
    const written = [
      '/api/v1/endpoints',
      '/%61pi/v1/endpoints',
      '/api/v1/%65ndpoints',
      '/api/v1/endpoints?a=/health/live',
    ];
    const asked = written.map((url) => ({ ...GUESS, url }));
    expect(await statuses(api, asked)).toEqual([401, 401, 429, 429]);
  });

  it('are refused also when they come at the same time', async () => {
    const api = await start({ config: { authFailureLimit: 5 } });
    await Promise.all(times(20, GUESS).map((one) => ask(api, one)));
    expect((await ask(api, GUESS)).statusCode).toBe(429);
  });
});

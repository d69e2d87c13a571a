import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { CallerTokens } from '../../src/api-keys/caller-tokens.js';
import { ApiApp, type TestTenant } from '../support/api-app.js';
import { waitFor } from '../support/processes.js';

interface KeyBody {
  id: string;
  key: string;
}

let api: ApiApp;
let tenant: TestTenant;
let key: KeyBody;
beforeAll(async () => {
  api = await ApiApp.start();
});
beforeEach(async () => {
  tenant = await api.createTenant();
  key = await createKey({});
});
afterAll(() => api.close());

const createKey = async (settings: object): Promise<KeyBody> =>
  (await tenant.call<KeyBody>('POST', '/api-keys', { name: 'backend', ...settings })).body;

/** Asks the token endpoint as OAuth2 clients do. */
async function ask(form: Record<string, string> | string, headers: Record<string, string> = {}) {
  const answer = await api.app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, unknown>>() };
}
const credentials = ({ id, key: secret } = key) => ({
  grant_type: 'client_credentials',
  client_id: id,
  client_secret: secret,
});
async function tokenFor(form: Record<string, string> = {}, of = key): Promise<string> {
  const { status, body } = await ask({ ...credentials(of), ...form });
  if (status !== 200) throw new Error(`No token: ${JSON.stringify(body)}`);
  return String(body.access_token);
}
const withToken = (token: string, method: 'GET' | 'POST' = 'GET', path = '/endpoints', body?: object) =>
  api.call(method, path, { key: null, headers: { authorization: `Bearer ${token}` }, body });
const statusWith = async (token: string): Promise<number> => (await withToken(token)).status;

describe('the token endpoint', () => {
  it('gives a token for the id of a key and the key, in the form or by HTTP Basic', async () => {
    const basic = Buffer.from(`${key.id}:${key.key}`).toString('base64');
    for (const answer of [
      await ask(credentials()),
      await ask({ grant_type: 'client_credentials' }, { authorization: `Basic ${basic}` }),
    ]) {
      expect(answer).toMatchObject({
        status: 200,
        headers: {
          'cache-control': 'no-store',
          pragma: 'no-cache',
          'content-type': expect.stringMatching(/^application\/json/) as string,
        },
        body: { token_type: 'Bearer', expires_in: 900 },
      });
      expect(String(answer.body.scope).split(' ')).toHaveLength(7);
      expect(await statusWith(String(answer.body.access_token))).toBe(200);
    }
  });

  it('makes JWTs of HS256 that name their key, use and end', async () => {
    const token = await tokenFor({ scope: 'endpoints:read' });
    expect(decodeProtectedHeader(token)).toMatchObject({
      alg: 'HS256',
      kid: expect.stringMatching(/\.access$/) as string,
    });
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({
      iss: 'posthaste',
      aud: 'posthaste:access',
      sub: key.id,
      client_id: key.id,
      tenant_id: tenant.id,
      scope: 'endpoints:read',
      jti: expect.any(String) as string,
    });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(900);
    expect(claims.nbf).toBe(claims.iat);
  });

  it('gives the scopes that are asked for, and no others', async () => {
    const { body } = await ask({ ...credentials(), scope: 'endpoints:read events:read endpoints:read' });
    expect(String(body.scope).split(' ').sort()).toEqual(['endpoints:read', 'events:read']);
    const token = String(body.access_token);
    expect(await statusWith(token)).toBe(200);
    const refused = await withToken(token, 'POST', '/endpoints', { url: 'https://hooks.example.com/' });
    expect([refused.status, refused.body.type]).toEqual([403, 'urn:posthaste:problem:missing_scope']);
  });

  it('refuses scopes that the key lacks or that there are not', async () => {
    const reader = await createKey({ scopes: ['events:read'] });
    for (const scope of ['events:read events:write', 'admin', 'events:read  events:read', 'EVENTS:READ']) {
      const answer = await ask({ ...credentials(reader), scope });
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_scope']);
    }
    expect((await ask(credentials(reader))).body.scope).toBe('events:read');
  });

  it('tells every bad client the same, as OAuth2 has it', async () => {
    const expired = await createKey({ expires_at: new Date(Date.now() + 3_600_000).toISOString() });
    await api.db.query(`UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE id = $1`, [expired.id]);
    const revoked = await createKey({});
    await tenant.call('DELETE', `/api-keys/${revoked.id}`);
    const other = await createKey({});
    const bad = [
      { client_id: randomUUID(), client_secret: key.key },
      { client_id: other.id, client_secret: key.key },
      { client_id: key.id, client_secret: `${key.key}x` },
      { client_id: key.id, client_secret: 'pha_operator-key-of-the-tests' },
      { client_id: 'operator', client_secret: 'pha_operator-key-of-the-tests' },
      { client_id: "'; --", client_secret: '\u0000' },
      { client_id: expired.id, client_secret: expired.key },
      { client_id: revoked.id, client_secret: revoked.key },
    ];
    const answers = [];
    for (const client of bad) answers.push(await ask({ grant_type: 'client_credentials', ...client }));
    for (const { status, headers, body } of answers) {
      expect(status).toBe(401);
      expect(headers['content-type']).toMatch(/^application\/json/);
      expect(headers['www-authenticate']).toMatch(/^Basic /);
      expect(headers['cache-control']).toBe('no-store');
      expect(body).toEqual({ error: 'invalid_client', error_description: expect.any(String) as string });
    }
    expect(new Set(answers.map(({ body }) => body.error_description)).size).toBe(1);
  });

  it.each([
    ['no grant type', '', 'invalid_request'],
    ['another grant type', 'grant_type=password', 'unsupported_grant_type'],
    ['a field twice', 'grant_type=client_credentials&grant_type=client_credentials', 'invalid_request'],
  ])('refuses %s', async (_what, fields, error) => {
    const { id, key: secret } = key;
    const answer = await ask(`${fields}&client_id=${id}&client_secret=${secret}`);
    expect([answer.status, answer.body.error]).toEqual([400, error]);
  });

  it('refuses a request that is no form, and a form anywhere else', async () => {
    const json = { 'content-type': 'application/json' };
    expect(await ask(JSON.stringify(credentials()), json)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
    expect((await ask('x'.repeat(20_000))).status).toBe(413);
    const elsewhere = await api.app.inject({
      method: 'POST',
      url: '/api/v1/endpoints',
      headers: { 'x-api-key': key.key, 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'url=https://hooks.example.com/',
    });
    expect(elsewhere.statusCode).toBe(415);
  });
});

describe('an access token', () => {
  it('ends at once with its key, whether revoked or rotated without an overlap', async () => {
    const second = await createKey({});
    const [first, other] = [await tokenFor(), await tokenFor({}, second)];
    expect([await statusWith(first), await statusWith(other)]).toEqual([200, 200]);
    await tenant.call('DELETE', `/api-keys/${key.id}`);
    expect([await statusWith(first), await statusWith(other)]).toEqual([401, 200]);
    await tenant.call('POST', `/api-keys/${second.id}/rotate`, { overlap_seconds: 0 });
    expect(await statusWith(other)).toBe(401);
  });

  it('lives no longer than its key', async () => {
    const soon = await createKey({ expires_at: new Date(Date.now() + 100_000).toISOString() });
    const { body } = await ask(credentials(soon));
    expect(body.expires_in).toBeGreaterThan(90);
    expect(body.expires_in).toBeLessThanOrEqual(100);
    expect(await statusWith(String(body.access_token))).toBe(200);
    await api.db.query(`UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE id = $1`, [soon.id]);
    // Changing any tenant makes this process forget what it knew of keys.
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { name: 'Acme' } });
    expect(await statusWith(String(body.access_token))).toBe(401);
  });

  it('ends with its tenant, and is of its own tenant alone', async () => {
    const token = await tokenFor();
    const stranger = await api.createTenant();
    const { body } = await withToken(token, 'GET', '/api-keys');
    expect(JSON.stringify(body)).toContain(key.id);
    const answer = await api.call('GET', '/api-keys', {
      key: null,
      headers: { authorization: `Bearer ${token}`, 'x-tenant-id': stranger.id },
    });
    expect(answer.body).toEqual(body);
    await api.call('DELETE', `/tenants/${tenant.id}`);
    expect(await statusWith(token)).toBe(401);
  });

  it('counts as a use of its key', async () => {
    const lastUsedAt = async (): Promise<unknown> =>
      (await api.db.query<Record<string, unknown>[]>(`SELECT last_used_at FROM api_keys WHERE id = $1`, [key.id]))[0]
        ?.last_used_at;
    // Not by the token endpoint, which uses the key itself.
    const { token } = await api.app
      .get(CallerTokens)
      .issue(
        'access',
        { kind: 'api_key', tenantId: tenant.id, keyId: key.id, scopes: ['endpoints:read'] },
        new Date(Date.now() + 60_000),
      );
    expect(await lastUsedAt()).toBeNull();
    expect(await statusWith(token)).toBe(200);
    await waitFor(async () => (await lastUsedAt()) !== null, { what: 'the use to be noted' });
  });

  it('makes no keys beyond its scopes, and no session', async () => {
    const token = await tokenFor({ scope: 'keys:write' });
    expect((await withToken(token, 'POST', '/api-keys', { name: 'a', scopes: ['keys:write'] })).status).toBe(201);
    expect((await withToken(token, 'POST', '/api-keys', { name: 'b' })).status).toBe(403);
    expect((await withToken(token, 'POST', '/session')).status).toBe(403);
  });

  it('is no API key: as X-API-Key it says nothing', async () => {
    expect((await api.call('GET', '/endpoints', { key: await tokenFor() })).status).toBe(401);
  });

  it('costs no query for each request', async () => {
    const token = await tokenFor();
    expect(await statusWith(token)).toBe(200);
    const queries = jest.spyOn(api.db, 'query');
    const startedAt = performance.now();
    for (let n = 0; n < 20; n++) await withToken(token, 'GET', '/endpoints?limit=201');
    const seconds = (performance.now() - startedAt) / 1_000;
    const lookups = queries.mock.calls.filter(([sql]) => sql.includes('FROM api_keys'));
    queries.mockRestore();
    // A key is believed for a second.
    expect(lookups.length).toBeLessThanOrEqual(Math.floor(seconds) + 1);
  });
});

describe('a change of some key or tenant', () => {
  it('does not spoil a request whose key is being looked up', async () => {
    const runner = api.db.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE`);
    const request = api.call('GET', '/endpoints', { key: key.key });
    await waitFor(async () => (await waitingForKeys()) === 1, { what: 'the look-up to wait' });
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { name: 'Acme' } });
    await runner.commitTransaction();
    await runner.release();
    expect((await request).status).toBe(200);
  });

  const waitingForKeys = async (): Promise<number> =>
    (
      await api.db.query<unknown[]>(
        `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'api_keys'::regclass
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      )
    ).length;
});

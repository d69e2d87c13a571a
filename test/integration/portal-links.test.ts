import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { ApiApp, OPERATOR_KEY, refusedFields, type TestTenant } from '../support/api-app.js';
import { waitFor } from '../support/processes.js';

interface LinkBody {
  url: string;
  expires_at: string;
}

let api: ApiApp;
let tenant: TestTenant;
beforeAll(async () => {
  api = await ApiApp.start({ config: { publicUrl: 'https://webhooks.example.com' } });
});
beforeEach(async () => {
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const makeLink = (body: object = {}, key: string = tenant.key, id: string = tenant.id) =>
  api.call<LinkBody>('POST', `/tenants/${id}/portal-links`, { key, body });
const tokenOf = ({ url }: LinkBody): string => url.split('#portal=')[1] ?? '';
const scopesOf = (link: LinkBody): string[] => String(decodeJwt(tokenOf(link)).scope).split(' ');
const callWith = (token: string, path = '/endpoints', method: 'GET' | 'POST' = 'GET', body?: object) =>
  api.call(method, path, { key: null, headers: { authorization: `Bearer ${token}` }, body });
const createKey = async (settings: object) =>
  (await tenant.call<{ id: string; key: string }>('POST', '/api-keys', { name: 'maker', ...settings })).body;

describe('a portal link', () => {
  it('is an address whose fragment opens the tenant for an hour, made by the operator or by the tenant', async () => {
    for (const key of [OPERATOR_KEY, tenant.key]) {
      const { status, body } = await makeLink({}, key);
      expect(status).toBe(201);
      expect(Object.keys(body).sort()).toEqual(['expires_at', 'url']);
      expect(body.url).toMatch(/^https:\/\/webhooks\.example\.com\/#portal=eyJ[\w.-]+$/);
      const livesMs = Date.parse(body.expires_at) - Date.now();
      expect(livesMs).toBeGreaterThan(3_590_000);
      expect(livesMs).toBeLessThanOrEqual(3_600_000);
      expect((await callWith(tokenOf(body))).status).toBe(200);
    }
  });

  it('gives neither keys nor publishing, unless the latter is asked for', async () => {
    const { body } = await makeLink();
    expect(scopesOf(body).sort()).toEqual([
      'deliveries:read',
      'deliveries:write',
      'endpoints:read',
      'endpoints:write',
      'events:read',
    ]);
    expect(await callWith(tokenOf(body), '/api-keys')).toMatchObject({
      status: 403,
      body: { type: 'urn:posthaste:problem:missing_scope' },
    });
    expect((await callWith(tokenOf(body), `/tenants/${tenant.id}/portal-links`, 'POST', {})).status).toBe(403);
    expect((await callWith(tokenOf(body), '/tenants')).status).toBe(403);
    expect(scopesOf((await makeLink({ scopes: ['events:write'] })).body)).toEqual(['events:write']);
    expect(refusedFields(await makeLink({ scopes: ['events:read', 'keys:write'] }))).toEqual(['scopes']);
  });

  it('gives no more than its maker has', async () => {
    const maker = await createKey({ scopes: ['keys:write', 'events:read'] });
    expect(scopesOf((await makeLink({}, maker.key)).body)).toEqual(['events:read']);
    expect((await makeLink({ scopes: ['events:read'] }, maker.key)).status).toBe(201);
    expect((await makeLink({ scopes: ['events:read', 'endpoints:write'] }, maker.key)).status).toBe(403);
    const bare = await createKey({ scopes: ['keys:write'] });
    expect((await makeLink({}, bare.key)).status).toBe(403);
    const reader = await createKey({ scopes: ['events:read'] });
    expect((await makeLink({ scopes: ['events:read'] }, reader.key)).status).toBe(403);
  });

  it('is for the own tenant: any other is not found, and so is one that is none', async () => {
    const stranger = await api.createTenant();
    for (const id of [stranger.id, randomUUID(), 'x', '..']) {
      expect((await makeLink({}, tenant.key, encodeURIComponent(id))).status).toBe(404);
    }
    for (const id of [randomUUID(), 'x']) expect((await makeLink({}, OPERATOR_KEY, id)).status).toBe(404);
    expect((await makeLink({}, tenant.key, tenant.id.toUpperCase())).status).toBe(201);
  });

  it('ends with the key that made it, and expires no later', async () => {
    const soon = new Date(Date.now() + 120_000).toISOString();
    const maker = await createKey({ expires_at: soon });
    const { body } = await makeLink({ expires_in_seconds: 86_400 }, maker.key);
    expect(Date.parse(body.expires_at)).toBeLessThanOrEqual(Date.parse(soon));
    expect((await callWith(tokenOf(body))).status).toBe(200);
    const byOperator = (await makeLink({}, OPERATOR_KEY)).body;
    await tenant.call('DELETE', `/api-keys/${maker.id}`);
    expect((await callWith(tokenOf(body))).status).toBe(401);
    expect((await callWith(tokenOf(byOperator))).status).toBe(200);
  });

  it("ends with its tenant, the operator's as well", async () => {
    const { body } = await makeLink({}, OPERATOR_KEY);
    await api.call('DELETE', `/tenants/${tenant.id}`);
    expect((await callWith(tokenOf(body))).status).toBe(401);
  });

  it('is no use of the key that made it', async () => {
    const maker = await createKey({});
    const other = await createKey({});
    const lastUseOf = async ({ id }: { id: string }): Promise<Date | null> => {
      const rows = await api.db.query<{ at: Date | null }[]>(`SELECT last_used_at AS at FROM api_keys WHERE id = $1`, [
        id,
      ]);
      return rows[0]?.at ?? null;
    };
    const { body } = await makeLink({}, maker.key);
    // Written down beside the request, so perhaps after its answer.
    await waitFor(async () => (await lastUseOf(maker)) !== null, { what: 'the use of the key to be written down' });
    await api.db.query(`UPDATE api_keys SET last_used_at = NULL WHERE id = $1`, [maker.id]);
    // Uses of a key are written down once a minute.
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 120_000);
    try {
      expect((await callWith(tokenOf(body))).status).toBe(200);
      expect((await callWith(other.key)).status).toBe(200);
    } finally {
      clock.mockRestore();
    }
    // The link came first: had it counted, that would be there by now.
    await waitFor(async () => (await lastUseOf(other)) !== null, { what: 'the use of the other key' });
    expect(await lastUseOf(maker)).toBeNull();
  });

  it.each([
    ['a life too short', { expires_in_seconds: 59 }, 'expires_in_seconds'],
    ['a life too long', { expires_in_seconds: 86_401 }, 'expires_in_seconds'],
    ['no scope at all', { scopes: [] }, 'scopes'],
    ['an unknown scope', { scopes: ['admin'] }, 'scopes'],
    ['null for the scopes', { scopes: null }, 'scopes'],
    ['a typo', { expires_in: 60 }, 'expires_in'],
  ])('is refused with %s', async (_what, body, field) => {
    const answer = await makeLink(body);
    expect([answer.status, refusedFields(answer)]).toEqual([422, [field]]);
  });
});

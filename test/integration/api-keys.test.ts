import { randomUUID } from 'node:crypto';
import { ApiApp, refusedFields, type TestTenant } from '../support/api-app.js';

interface KeyBody {
  id: string;
  key: string;
  name: string;
  prefix: string;
  scopes: string[];
  expires_at: string | null;
  revoked_at: string | null;
  created_at: string;
}

let api: ApiApp;
let tenant: TestTenant;
beforeAll(async () => {
  api = await ApiApp.start();
});
beforeEach(async () => {
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const inOneHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
const create = (body: object, key = tenant.key) => api.call<KeyBody>('POST', '/api-keys', { key, body });
const works = async (key: string): Promise<boolean> => (await api.call('GET', '/endpoints', { key })).status === 200;
/** The key as the list shows it. */
const listed = async (id: string): Promise<KeyBody | undefined> =>
  (await tenant.call<{ data: KeyBody[] }>('GET', '/api-keys')).body.data.find((key) => key.id === id);

describe('creating an API key', () => {
  it('shows the key once and stores only its hash', async () => {
    const { status, body } = await create({ name: 'backend', scopes: ['endpoints:read'], expires_at: inOneHour() });
    expect(status).toBe(201);
    const { key, ...rest } = body;
    expect(rest).toEqual({
      id: expect.any(String) as string,
      name: 'backend',
      prefix: key.slice(0, 11),
      scopes: ['endpoints:read'],
      expires_at: expect.any(String) as string,
      last_used_at: null,
      revoked_at: null,
      replaced_by: null,
      created_at: expect.any(String) as string,
    });
    expect(await listed(body.id)).toEqual(rest);
    expect(await works(key)).toBe(true);
    expect(JSON.stringify(await api.db.query('SELECT * FROM api_keys'))).not.toContain(key.slice(12));
  });

  it('may only do what its scopes say', async () => {
    const { body } = await create({ name: 'reader', scopes: ['endpoints:read'] });
    const answer = await api.call('POST', '/endpoints', { key: body.key, body: { url: 'https://hooks.example.com/' } });
    expect([answer.status, answer.body.type]).toEqual([403, 'urn:posthaste:problem:missing_scope']);
  });

  it('gives no more than the caller has, whether scopes are named or left out', async () => {
    const { body: minter } = await create({ name: 'minter', scopes: ['keys:write', 'events:read'] });
    expect((await create({ name: 'a', scopes: ['events:read'] }, minter.key)).status).toBe(201);
    expect((await create({ name: 'b', scopes: ['events:read', 'endpoints:write'] }, minter.key)).status).toBe(403);
    expect((await create({ name: 'c' }, minter.key)).status).toBe(403);
  });

  it('lets the operator make one for a tenant, with all scopes by default', async () => {
    const answer = await api.call<KeyBody>('POST', '/api-keys', {
      body: { name: 'op' },
      headers: { 'x-tenant-id': tenant.id },
    });
    expect(answer.status).toBe(201);
    expect(answer.body.scopes).toHaveLength(7);
    expect(await works(answer.body.key)).toBe(true);
  });

  it.each([
    ['no name', {}, 'name'],
    ['no scope at all', { name: 'a', scopes: [] }, 'scopes'],
    ['an unknown scope', { name: 'a', scopes: ['admin'] }, 'scopes'],
    ['a scope twice', { name: 'a', scopes: ['events:read', 'events:read'] }, 'scopes'],
    ['null for the scopes', { name: 'a', scopes: null }, 'scopes'],
    ['an end in the past', { name: 'a', expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    ['an end without a time zone', { name: 'a', expires_at: '2099-01-01T00:00:00' }, 'expires_at'],
    ['a typo', { name: 'a', expires: null }, 'expires'],
  ])('refuses %s', async (_what, body, field) => {
    const answer = await tenant.call('POST', '/api-keys', body);
    expect([answer.status, refusedFields(answer)]).toEqual([422, [field]]);
  });
});

describe('revoking an API key', () => {
  it('ends it at once, and again changes nothing', async () => {
    const { body } = await create({ name: 'short-lived' });
    expect(await works(body.key)).toBe(true);
    expect((await tenant.call('DELETE', `/api-keys/${body.id}`)).status).toBe(204);
    expect(await works(body.key)).toBe(false);
    const revokedAt = (await listed(body.id))?.revoked_at;
    expect(revokedAt).toEqual(expect.any(String));
    expect((await tenant.call('DELETE', `/api-keys/${body.id}`)).status).toBe(204);
    expect((await listed(body.id))?.revoked_at).toBe(revokedAt);
  });

  it("finds neither another tenant's key nor a malformed id", async () => {
    const { body } = await create({ name: 'mine' });
    const stranger = await api.createTenant();
    for (const id of [body.id, 'x', randomUUID()]) {
      expect((await stranger.call('DELETE', `/api-keys/${id}`)).status).toBe(404);
      expect((await stranger.call('POST', `/api-keys/${id}/rotate`)).status).toBe(404);
    }
    expect(await works(body.key)).toBe(true);
  });
});

describe('rotating an API key', () => {
  const rotate = (id: string, body?: object, key = tenant.key) =>
    api.call<KeyBody>('POST', `/api-keys/${id}/rotate`, { key, body });

  it('gives a new key like the old one, which lives on for a day by default', async () => {
    const { body: old } = await create({ name: 'backend', scopes: ['endpoints:read'] });
    const { status, body } = await rotate(old.id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'backend', scopes: ['endpoints:read'], expires_at: null });
    expect(body.id).not.toBe(old.id);
    expect([await works(body.key), await works(old.key)]).toEqual([true, true]);
    const endsInMs = Date.parse((await listed(old.id))?.expires_at ?? '') - Date.now();
    expect(endsInMs).toBeGreaterThan(86_300_000);
    expect(endsInMs).toBeLessThanOrEqual(86_400_000);
  });

  it('happens once a key: whoever lost the answer rotates its successor, and nothing comes to expire by that', async () => {
    const { body: old } = await create({ name: 'backend' });
    const answers = await Promise.all([rotate(old.id), rotate(old.id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const successor = answers.find(({ status }) => status === 200)?.body;
    expect((await rotate(old.id)).status).toBe(409);
    expect(await listed(old.id)).toMatchObject({ replaced_by: successor?.id });
    const again = await rotate(successor?.id ?? '');
    expect(again).toMatchObject({ status: 200, body: { expires_at: null, replaced_by: null } });
  });

  it('ends the old key at once without an overlap', async () => {
    const { body: old } = await create({ name: 'leaked' });
    const { body } = await rotate(old.id, { overlap_seconds: 0 });
    expect([await works(body.key), await works(old.key)]).toEqual([true, false]);
    expect((await rotate(old.id)).status).toBe(409);
  });

  it("never lengthens the old key's life, and gives the new one as long a life", async () => {
    const { body: old } = await create({ name: 'hourly', expires_at: inOneHour() });
    const { body } = await rotate(old.id, { overlap_seconds: 604_800 });
    expect((await listed(old.id))?.expires_at).toBe(old.expires_at);
    const lifetimeMs = Date.parse(body.expires_at ?? '') - Date.parse(body.created_at);
    expect(Math.abs(lifetimeMs - 3_600_000)).toBeLessThan(5_000);
  });

  it('refuses a caller that would get more than it has', async () => {
    const { body: minter } = await create({ name: 'minter', scopes: ['keys:write'] });
    const { body: strong } = await create({ name: 'strong' });
    expect((await rotate(strong.id, {}, minter.key)).status).toBe(403);
    expect((await listed(strong.id))?.expires_at).toBeNull();
  });

  it.each([
    [{ overlap_seconds: -1 }],
    [{ overlap_seconds: 604_801 }],
    [{ overlap_seconds: '60' }],
    [{ overlap_seconds: null }],
  ])('refuses %j', async (body) => {
    const { body: old } = await create({ name: 'backend' });
    expect((await rotate(old.id, body)).status).toBe(422);
  });
});

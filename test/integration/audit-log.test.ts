import { decodeJwt } from 'jose';
import { newId } from '../../src/common/ids.js';
import { ApiApp, OPERATOR_KEY, type Answer, type TestTenant } from '../support/api-app.js';
import { createAuditedTenant } from '../support/audited-tenant.js';
import { HookServer } from '../support/hook-server.js';

interface EntryBody {
  id: string;
  at: string;
  actor: { kind: string; id: string | null };
  tenant_id: string | null;
  action: string;
  subject: { kind: string; id: string };
  request_id: string | null;
  ip: string | null;
  user_agent: string | null;
  changes: { field: string; old?: unknown; new?: unknown }[];
}
interface PageBody {
  data: EntryBody[];
  next_cursor: string | null;
}

let api: ApiApp;
let hooks: HookServer;
let tenant: TestTenant;
let keyId: string;
let endpointId: string;
beforeAll(async () => {
  hooks = await HookServer.start();
  api = await ApiApp.start({ config: { allowedPrivateCidrs: ['127.0.0.0/8'] } });
});
beforeEach(async () => {
  ({ tenant, keyId, endpointId } = await createAuditedTenant(api, hooks));
});
afterAll(async () => {
  await api.close();
  await hooks.close();
});

const list = async (query = '', options: Parameters<ApiApp['call']>[2] = {}): Promise<PageBody> => {
  const answer = await api.call<PageBody>('GET', `/audit-log?${query}`, { key: tenant.key, ...options });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
const latest = async (): Promise<EntryBody> => {
  const entry = (await list('limit=1', asOperator())).data[0];
  if (entry === undefined) throw new Error('Nothing is written down');
  return entry;
};
const asOperator = (tenantId = tenant.id) => ({ key: OPERATOR_KEY, headers: { 'x-tenant-id': tenantId } });

describe('what is kept of a change', () => {
  const changesOf = async (body: object): Promise<unknown> => {
    expect((await tenant.call('PATCH', `/endpoints/${endpointId}`, body)).status).toBe(200);
    return (await latest()).changes;
  };

  it('is the old and the new value of harmless fields', async () => {
    expect(await changesOf({ rate_limit: 5, is_active: false, event_types: ['order.*'] })).toEqual([
      { field: 'event_types', old: [], new: ['order.*'] },
      { field: 'is_active', old: true, new: false },
      { field: 'rate_limit', old: null, new: 5 },
    ]);
  });

  it('is the origin of a URL and the names of headers', async () => {
    const url = 'https://user-content.example.com/T0KEN/in-path?token=in-query';
    const headers = { 'x-token': 'value-one', 'x-other': 'value-two' };
    expect(await changesOf({ url, headers })).toEqual([
      { field: 'url', old: new URL(hooks.url('/')).origin, new: 'https://user-content.example.com' },
      { field: 'headers', old: ['x-token'], new: ['x-token', 'x-other'] },
    ]);
  });

  it('is no secret, nor anything of one', async () => {
    await changesOf({ signature: 'standard-ed25519' });
    await tenant.call('POST', `/endpoints/${endpointId}/secret/rotate`, {});
    const { body } = await tenant.call<{ secret: string }>('GET', `/endpoints/${endpointId}/secret`);
    const rows = await api.db.query<{ row: object }[]>(`SELECT to_jsonb(a) AS row FROM audit_log a`);
    const everything = JSON.stringify(rows);
    for (const secret of [body.secret, tenant.key, tenant.secretKey, 'header-value', 'whs', 'ph_'])
      expect(everything.includes(secret)).toBe(false);
    expect(everything).toContain('{"field":"secret"}');
  });

  it('is of a tenant all but the address of a person', async () => {
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { email: 'someone@acme.example', name: 'Renamed' } });
    expect((await latest()).changes).toEqual([{ field: 'name', old: 'Acme', new: 'Renamed' }, { field: 'email' }]);
  });
});

describe('what is kept of access that is given away', () => {
  const DAY_MS = 86_400_000;
  const begin = (headers: Record<string, string>) =>
    api.call<{ expires_at: string }>('POST', '/session', { key: null, headers });
  const makeLink = async (key: string, body: object = {}): Promise<{ url: string; expires_at: string }> =>
    (await api.call<{ url: string; expires_at: string }>('POST', `/tenants/${tenant.id}/portal-links`, { key, body }))
      .body;
  /** Newest first, without those that a test begins with. */
  const givenAway = async (): Promise<EntryBody[]> =>
    (await list('', asOperator())).data.filter(({ action }) => /^(portal_link|session)\./.test(action));

  it('is of a portal link its end, its scopes and its id', async () => {
    const link = await makeLink(tenant.key, { scopes: ['events:read', 'endpoints:write'], expires_in_seconds: 60 });
    await makeLink(OPERATOR_KEY);
    const [byOperator, byTenant] = await givenAway();
    expect(byTenant).toMatchObject({
      actor: { kind: 'api_key', id: keyId },
      action: 'portal_link.created',
      tenant_id: tenant.id,
      subject: { kind: 'tenant', id: tenant.id },
      changes: [
        { field: 'token_id', new: decodeJwt(link.url.split('#portal=')[1] ?? '').jti },
        { field: 'scopes', new: ['events:read', 'endpoints:write'] },
        { field: 'expires_at', new: link.expires_at },
      ],
    });
    expect(byOperator).toMatchObject({ actor: { kind: 'operator', id: null }, tenant_id: tenant.id });
  });

  it('is the same of a session, under the key that it began with or that made its link', async () => {
    const { body, headers } = await begin({ 'x-api-key': tenant.key });
    const token = /^posthaste_session=([^;]+)/.exec([headers['set-cookie']].flat().join())?.[1] ?? '';
    const link = await makeLink(tenant.key, { scopes: ['events:read'] });
    await begin({ authorization: `Bearer ${link.url.split('#portal=')[1] ?? ''}` });
    const [byLink, , byKey] = await givenAway();
    expect(byKey).toMatchObject({
      actor: { kind: 'api_key', id: keyId },
      action: 'session.created',
      tenant_id: tenant.id,
      subject: { kind: 'api_key', id: keyId },
      changes: [
        { field: 'token_id', new: decodeJwt(token).jti },
        { field: 'scopes', new: expect.arrayContaining(['events:write', 'keys:write']) as string[] },
        { field: 'expires_at', new: body.expires_at },
      ],
    });
    expect(byLink).toMatchObject({
      actor: { kind: 'portal', id: keyId },
      subject: { kind: 'api_key', id: keyId },
      changes: [{}, { field: 'scopes', new: ['events:read'] }, { field: 'expires_at', new: link.expires_at }],
    });
  });

  it("is of the operator's own session that it is nobody's, and not for tenants to see", async () => {
    expect((await begin({ 'x-api-key': OPERATOR_KEY })).status).toBe(201);
    const [entry] = (await list('action=session.created&limit=1', { key: OPERATOR_KEY })).data;
    expect(entry).toMatchObject({
      actor: { kind: 'operator', id: null },
      tenant_id: null,
      subject: { kind: 'session' },
    });
    expect(entry?.subject.id).toBe(entry?.changes[0]?.new);
    expect(Date.parse(String(entry?.changes[2]?.new)) - Date.now()).toBeLessThan(DAY_MS);
    expect(await givenAway()).toEqual([]);
    expect((await list()).data.map(({ action }) => action)).not.toContain('session.created');
  });

  it('is nothing where nothing was given away', async () => {
    await makeLink(tenant.key, { scopes: ['keys:write'] });
    await begin({ 'x-api-key': `${tenant.key}x` });
    await begin({ 'x-api-key': tenant.key, origin: 'https://evil.example' });
    expect(await givenAway()).toEqual([]);
  });
});

describe('reading the log', () => {
  it("shows a tenant its own alone, and of the operator's doings not from where", async () => {
    const stranger = await api.createTenant({ name: 'Stranger' });
    await stranger.call('POST', '/endpoints', { url: hooks.url('/hook') });
    const { data } = await list();
    expect(data.map(({ action }) => action)).toEqual(['endpoint.created', 'api_key.created', 'tenant.created']);
    expect(new Set(data.map(({ tenant_id }) => tenant_id))).toEqual(new Set([tenant.id]));
    expect(data[0]).toMatchObject({ actor: { kind: 'api_key', id: keyId }, ip: '127.0.0.1' });
    expect(data[2]).toMatchObject({
      actor: { kind: 'operator', id: null },
      ip: null,
      user_agent: null,
      request_id: null,
    });
    expect((await list(`subject_id=${stranger.id}`)).data).toEqual([]);
    // A tenant's key names its tenant, whatever the header says.
    expect((await list('', { key: tenant.key, headers: { 'x-tenant-id': stranger.id } })).data).toEqual(data);
  });

  it('shows the operator everything, or what one tenant is about', async () => {
    const stranger = await api.createTenant({ name: 'Stranger' });
    const all = await list('limit=200', { key: OPERATOR_KEY });
    expect(new Set(all.data.map(({ tenant_id }) => tenant_id)).size).toBeGreaterThan(1);
    const own = await list('', asOperator(stranger.id));
    expect(own.data.map(({ tenant_id }) => tenant_id)).toEqual([stranger.id, stranger.id]);
    expect(own.data[0]).toMatchObject({ ip: '127.0.0.1', request_id: expect.any(String) as string });
    expect((await api.call('GET', '/audit-log', asOperator(newId()))).status).toBe(404);
  });

  it('asks for keys:write', async () => {
    const scopes = ['events:write', 'endpoints:write', 'deliveries:write'];
    const { body } = await tenant.call<{ key: string }>('POST', '/api-keys', { name: 'less', scopes });
    expect(await api.call('GET', '/audit-log', { key: body.key })).toMatchObject({
      status: 403,
      body: { type: 'urn:posthaste:problem:missing_scope' },
    });
  });

  it('filters by action, actor, subject and time, and goes on where a page ended', async () => {
    const between = new Date().toISOString();
    await tenant.call('PATCH', `/endpoints/${endpointId}`, { rate_limit: 1 });
    await api.call('PATCH', `/endpoints/${endpointId}`, { ...asOperator(), body: { rate_limit: 2 } });
    const found = async (query: string): Promise<string[]> =>
      (await list(query)).data.map(({ action, actor }) => `${actor.kind} ${action}`);
    const byBoth = ['operator endpoint.updated', 'api_key endpoint.updated'];
    expect(await found('action=endpoint.updated')).toEqual(byBoth);
    expect(await found(`actor_id=${keyId}`)).toEqual(['api_key endpoint.updated', 'api_key endpoint.created']);
    expect(await found(`subject_id=${endpointId}&after=${between}`)).toEqual(byBoth);
    expect(await found(`subject_id=${endpointId}&before=${between}`)).toEqual(['api_key endpoint.created']);

    const first = await list('limit=3');
    await tenant.call('PATCH', `/endpoints/${endpointId}`, { rate_limit: 3 });
    const second = await list(`limit=3&cursor=${first.next_cursor}`);
    expect(second.next_cursor).toBeNull();
    expect([...first.data, ...second.data].map(({ action }) => action)).toEqual([
      'endpoint.updated',
      'endpoint.updated',
      'endpoint.created',
      'api_key.created',
      'tenant.created',
    ]);
  });

  it.each(['action=endpoint.exploded', 'actor_id=me', 'subject_id=1', 'limit=0', 'colour=red'])(
    'refuses %s',
    async (query) => {
      const answer: Answer = await tenant.call('GET', `/audit-log?${query}`);
      expect(answer).toMatchObject({ status: 422, body: { type: 'urn:posthaste:problem:validation_failed' } });
    },
  );

  it('still has what was done to a tenant that is gone', async () => {
    await api.call('DELETE', `/tenants/${tenant.id}`);
    const { data } = await list(`subject_id=${tenant.id}`, { key: OPERATOR_KEY });
    expect(data.map(({ action }) => action)).toEqual(['tenant.deleted', 'tenant.created']);
    expect((await list(`subject_id=${endpointId}`, { key: OPERATOR_KEY })).data).toHaveLength(1);
  });
});

import { randomBytes } from 'node:crypto';
import { ApiApp, OPERATOR_KEY, type Answer, type TestTenant } from '../support/api-app.js';
import { Core } from '../support/core.js';
import { waitFor } from '../support/processes.js';
import { databaseUrlOf } from '../support/stats-api.js';

interface SessionBody {
  kind: string;
  tenant: { id: string; name: string } | null;
  scopes: string[];
  expires_at: string;
  csrf_token: string;
}
interface Session extends SessionBody {
  /** `name=value`, as a browser sends it. */
  cookie: string;
}

const HOUR_MS = 3_600_000;
const URL_OF_ENDPOINT = 'https://93.184.215.14/hook';
const encryptionKey = randomBytes(32).toString('base64');

let api: ApiApp;
let tenant: TestTenant;
beforeAll(async () => {
  api = await ApiApp.start({ config: { encryptionKey, trustProxy: '127.0.0.1' } });
});
beforeEach(async () => {
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const begin = (credentials: Record<string, string>, headers: Record<string, string> = {}) =>
  api.call<SessionBody>('POST', '/session', { key: null, headers: { ...credentials, ...headers } });
const setCookieOf = ({ headers }: Pick<Answer, 'headers'>): string => [headers['set-cookie']].flat().join('\n');
async function sessionOf(credentials: Record<string, string>): Promise<Session> {
  const answer = await begin(credentials);
  if (answer.status !== 201) throw new Error(`No session: ${answer.text}`);
  return { ...answer.body, cookie: setCookieOf(answer).split(';')[0] ?? '' };
}
const withKey = (key = tenant.key) => ({ 'x-api-key': key });
const bySession = (
  session: Session,
  method: 'GET' | 'POST' | 'DELETE' = 'GET',
  path = '/session',
  headers: Record<string, string> = {},
  body?: object,
) => api.call(method, path, { key: null, headers: { cookie: session.cookie, ...headers }, body });
const end = (session: Session) => bySession(session, 'DELETE', '/session', { 'x-csrf-token': session.csrf_token });
const createKey = async (settings: object = {}) =>
  (await tenant.call<{ id: string; key: string }>('POST', '/api-keys', { name: 'person', ...settings })).body;
const portalToken = async (body: object = {}, key = tenant.key): Promise<string> => {
  const link = await api.call<{ url: string }>('POST', `/tenants/${tenant.id}/portal-links`, { key, body });
  return link.body.url.split('#portal=')[1] ?? '';
};

describe('a session', () => {
  it('of an API key lasts eight hours and says whose it is', async () => {
    const { key } = await createKey({ scopes: ['events:read', 'endpoints:write'] });
    const session = await sessionOf(withKey(key));
    expect(session).toMatchObject({
      kind: 'api_key',
      tenant: { id: tenant.id, name: 'Acme' },
      scopes: ['events:read', 'endpoints:write'],
    });
    expect(Math.abs(Date.parse(session.expires_at) - Date.now() - 8 * HOUR_MS)).toBeLessThan(10_000);
    const { cookie, ...told } = session;
    expect(cookie).toMatch(/^posthaste_session=eyJ/);
    expect(await bySession(session)).toMatchObject({ status: 200, body: told });
  });

  it('of the operator has no tenant, and acts for one by its header', async () => {
    const session = await sessionOf(withKey(OPERATOR_KEY));
    expect(session).toMatchObject({ kind: 'operator', tenant: null });
    expect(session.scopes).toHaveLength(7);
    expect((await bySession(session, 'GET', '/tenants')).status).toBe(200);
    expect((await bySession(session, 'GET', '/endpoints')).body.type).toBe('urn:posthaste:problem:tenant_required');
    expect((await bySession(session, 'GET', '/endpoints', { 'x-tenant-id': tenant.id })).status).toBe(200);
  });

  it('of a portal link has its scopes and its end', async () => {
    const token = await portalToken({ scopes: ['endpoints:read'], expires_in_seconds: 60 });
    const session = await sessionOf({ authorization: `Bearer ${token}` });
    expect(session).toMatchObject({ kind: 'portal', tenant: { id: tenant.id }, scopes: ['endpoints:read'] });
    expect(Date.parse(session.expires_at)).toBeLessThanOrEqual(Date.now() + 60_000);
    expect((await bySession(session, 'GET', '/endpoints')).status).toBe(200);
    expect((await bySession(session, 'GET', '/deliveries')).status).toBe(403);
    expect((await bySession(session, 'GET', '/tenants')).status).toBe(403);
  });

  it('keeps its cookie from scripts and other sites, and by https from other hosts', async () => {
    const plain = setCookieOf(await begin(withKey()));
    expect(
      plain
        .split('; ')
        .map((part) => part.split('=')[0])
        .sort(),
    ).toEqual(['Expires', 'HttpOnly', 'Path', 'SameSite', 'posthaste_session'].sort());
    expect(plain).toMatch(/; Path=\/;.*SameSite=Strict/);

    const secure = await begin(withKey(), { 'x-forwarded-proto': 'https' });
    expect(setCookieOf(secure)).toMatch(/^__Host-posthaste_session=.*; Path=\/.*Secure/);
    const cookie = setCookieOf(secure).split(';')[0] ?? '';
    const get = (headers: Record<string, string>) => api.call('GET', '/session', { key: null, headers });
    expect((await get({ cookie, 'x-forwarded-proto': 'https' })).status).toBe(200);
    // What another host of the domain has put there under the plain name is not read.
    const plainName = cookie.replace('__Host-', '');
    expect((await get({ cookie: plainName, 'x-forwarded-proto': 'https' })).status).toBe(401);
  });

  it('begins with a key or portal link, not with a token of OAuth2, a session, or nothing', async () => {
    const session = await sessionOf(withKey());
    const own = await api.call('POST', '/session', {
      key: null,
      headers: { cookie: session.cookie, 'x-csrf-token': session.csrf_token },
    });
    expect(own.status).toBe(403);
    expect(setCookieOf(own)).toBe('');
    expect((await begin({})).status).toBe(401);
    expect((await begin(withKey(`${tenant.key}x`))).status).toBe(401);
  });

  it('is not begun by another site', async () => {
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }] as Record<
      string,
      string
    >[]) {
      const answer = await begin(withKey(), headers);
      expect([answer.status, (answer.body as unknown as { type: string }).type]).toEqual([
        403,
        'urn:posthaste:problem:csrf',
      ]);
      expect(setCookieOf(answer)).toBe('');
    }
  });

  it('is over when it is ended', async () => {
    const session = await sessionOf(withKey());
    const ended = await end(session);
    expect(ended.status).toBe(204);
    expect(setCookieOf(ended)).toMatch(/^posthaste_session=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970/);
  });

  it('is over for every copy of its cookie, in every process, and no other is', async () => {
    const [session, staying] = [await sessionOf(withKey()), await sessionOf(withKey())];
    const operators = await sessionOf(withKey(OPERATOR_KEY));
    const other = await ApiApp.start({ config: { encryptionKey, databaseUrl: databaseUrlOf(api) } });
    try {
      const elsewhere = async ({ cookie }: Session): Promise<number> =>
        (await other.call('GET', '/session', { key: null, headers: { cookie } })).status;
      // Known there, so that what it remembers has to end as well.
      expect([await elsewhere(session), await elsewhere(operators)]).toEqual([200, 200]);
      for (const ended of [session, operators]) await end(ended);
      expect([(await bySession(session)).status, (await bySession(operators)).status]).toEqual([401, 401]);
      expect((await end(session)).status).toBe(401);
      await waitFor(async () => (await elsewhere(session)) === 401 && (await elsewhere(operators)) === 401, {
        what: 'the other process to know',
      });
      expect([(await bySession(staying)).status, await elsewhere(staying)]).toEqual([200, 200]);
    } finally {
      await other.close();
    }
  });

  it('is forgotten once it would be over anyway, and not before', async () => {
    const [long, short] = [await sessionOf(withKey()), await sessionOf(withKey())];
    for (const session of [long, short]) await end(session);
    const idOf = ({ cookie }: Session): string =>
      (JSON.parse(Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti;
    await api.db.query(`UPDATE ended_sessions SET expires_at = now() - interval '1 day' WHERE id = $1`, [idOf(short)]);
    const core = await Core.start(databaseUrlOf(api));
    try {
      await core.maintenance.upkeep();
    } finally {
      await core.close();
    }
    const kept = await api.db.query<{ id: string }[]>('SELECT id FROM ended_sessions');
    expect(kept.map(({ id }) => id)).toContain(idOf(long));
    expect(kept.map(({ id }) => id)).not.toContain(idOf(short));
  });

  it('ends with its key, and expires no later', async () => {
    const soon = new Date(Date.now() + 100_000).toISOString();
    const { id, key } = await createKey({ expires_at: soon });
    const session = await sessionOf(withKey(key));
    const portal = await sessionOf({ authorization: `Bearer ${await portalToken({}, key)}` });
    expect(Date.parse(session.expires_at)).toBeLessThanOrEqual(Date.parse(soon));
    await tenant.call('DELETE', `/api-keys/${id}`);
    expect([(await bySession(session)).status, (await bySession(portal)).status]).toEqual([401, 401]);
  });

  it("of the operator ends when the operator's key is another, and so do the portal links made with it", async () => {
    const session = await sessionOf(withKey(OPERATOR_KEY));
    const portal = await portalToken({}, OPERATOR_KEY);
    const renewed = await ApiApp.start({ config: { encryptionKey, adminApiKey: 'pha_another-key-of-the-tests' } });
    try {
      const get = (headers: Record<string, string>, path = '/session') =>
        renewed.call('GET', path, { key: null, headers });
      expect((await get({ cookie: session.cookie })).status).toBe(401);
      expect((await get({ authorization: `Bearer ${portal}` }, '/endpoints')).status).toBe(401);
    } finally {
      await renewed.close();
    }
    expect((await bySession(session)).status).toBe(200);
  });

  it('is no bearer token, and a bearer token is no session', async () => {
    const session = await sessionOf(withKey());
    const asBearer = { authorization: `Bearer ${session.cookie.split('=')[1] ?? ''}` };
    expect((await api.call('GET', '/endpoints', { key: null, headers: asBearer })).status).toBe(401);
    const portal = { cookie: `posthaste_session=${await portalToken()}` };
    expect((await api.call('GET', '/endpoints', { key: null, headers: portal })).status).toBe(401);
    // Where both are there, the header counts, and one that is wrong is not made good by a cookie.
    const both = await bySession(session, 'GET', '/endpoints', withKey('ph_nonsense'));
    expect(both.status).toBe(401);
    expect((await bySession(session, 'GET', '/session', withKey())).status).toBe(401);
  });
});

describe('cross-site request forgery', () => {
  const create = (session: Session, headers: Record<string, string>) =>
    bySession(session, 'POST', '/endpoints', headers, { url: URL_OF_ENDPOINT });

  it('is kept out by the token of the session', async () => {
    const session = await sessionOf(withKey());
    const other = await sessionOf(withKey());
    for (const headers of [
      {},
      { 'x-csrf-token': '' },
      { 'x-csrf-token': other.csrf_token },
      { 'x-csrf-token': `${session.csrf_token}x` },
      { 'x-csrf-token': session.csrf_token.toUpperCase() },
    ] as Record<string, string>[]) {
      const answer = await create(session, headers);
      expect([answer.status, answer.body.type]).toEqual([403, 'urn:posthaste:problem:csrf']);
    }
    expect((await create(session, { 'x-csrf-token': session.csrf_token })).status).toBe(201);
  });

  it('is kept out where a browser says whence it comes, whatever token it brings', async () => {
    const session = await sessionOf(withKey());
    const token = { 'x-csrf-token': session.csrf_token };
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ] as Record<string, string>[]) {
      const answer = await create(session, { ...token, ...headers });
      expect([answer.status, answer.body.type]).toEqual([403, 'urn:posthaste:problem:csrf']);
    }
    expect((await create(session, { ...token, 'sec-fetch-site': 'same-origin' })).status).toBe(201);
  });

  it('has nothing to do with callers who bring a key', async () => {
    const session = await sessionOf(withKey());
    expect((await create(session, withKey())).status).toBe(201);
  });
});

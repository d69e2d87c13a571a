import { randomBytes } from 'node:crypto';
import { ApiApp, type Answer, type TestTenant } from '../support/api-app.js';

const FIRST = randomBytes(32).toString('base64');
const SECOND = randomBytes(32).toString('base64');

/** What a browser or backend holds, each signed with the installation's key of that time. */
interface Held {
  access: Record<string, string>;
  portal: Record<string, string>;
  session: Record<string, string>;
}

describe('tokens, while the encryption key is changed', () => {
  let before: ApiApp;
  let after: ApiApp;
  let done: ApiApp;
  let tenant: TestTenant;
  let held: Held;
  beforeAll(async () => {
    before = await ApiApp.start({ config: { encryptionKey: FIRST } });
    // The same database, as its processes have it one after the other.
    const databaseUrl = (before.db.options as { url: string }).url;
    after = await ApiApp.start({ config: { encryptionKey: SECOND, encryptionKeysRetired: [FIRST], databaseUrl } });
    done = await ApiApp.start({ config: { encryptionKey: SECOND, databaseUrl } });
    tenant = await before.createTenant();
    held = await holdTokens(before);
  });
  afterAll(async () => {
    await done.close();
    await after.close();
    await before.close();
  });

  async function holdTokens(api: ApiApp): Promise<Held> {
    const key = await tenant.call<{ id: string; key: string }>('POST', '/api-keys', { name: 'client' });
    const form = { grant_type: 'client_credentials', client_id: key.body.id, client_secret: key.body.key };
    const access = await api.app.inject({
      method: 'POST',
      url: '/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: String(new URLSearchParams(form)),
    });
    const link = await api.call<{ url: string }>('POST', `/tenants/${tenant.id}/portal-links`, {
      key: tenant.key,
      body: {},
    });
    const session = await api.call<{ csrf_token: string }>('POST', '/session', { key: tenant.key });
    return {
      access: { authorization: `Bearer ${access.json<{ access_token: string }>().access_token}` },
      portal: { authorization: `Bearer ${link.body.url.split('#portal=')[1] ?? ''}` },
      session: {
        cookie: [session.headers['set-cookie']].flat().join().split(';')[0] ?? '',
        'x-csrf-token': session.body.csrf_token,
      },
    };
  }
  const change = (api: ApiApp, headers: Record<string, string>): Promise<Answer> =>
    api.call('POST', '/endpoints', { key: null, headers, body: { url: 'https://93.184.215.14/hook' } });
  const statuses = async (api: ApiApp, { access, portal, session }: Held): Promise<number[]> =>
    Promise.all([access, portal, session].map(async (headers) => (await change(api, headers)).status));

  it('are good with the key that signed them', async () => {
    expect(await statuses(before, held)).toEqual([201, 201, 201]);
  });

  it('stay good while that key is a retired one, a session with the CSRF token that its page has', async () => {
    expect(await statuses(after, held)).toEqual([201, 201, 201]);
    expect((await change(after, { ...held.session, 'x-csrf-token': 'x' })).status).toBe(403);
  });

  it('end when it is gone', async () => {
    expect(await statuses(done, held)).toEqual([401, 401, 401]);
  });

  it('are signed with the new key from the change on, and outlast the old one', async () => {
    const fresh = await holdTokens(after);
    expect(await statuses(done, fresh)).toEqual([201, 201, 201]);
    expect(await statuses(before, fresh)).toEqual([401, 401, 401]);
  });
});

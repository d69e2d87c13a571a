import { randomUUID } from 'node:crypto';
import { generateSecret } from '../../src/signing/webhook-secret.js';
import { ApiApp, refusedFields, type TestTenant } from '../support/api-app.js';
import { seedDelivery, seedEvent } from '../support/seed.js';

interface EndpointBody {
  id: string;
  url: string;
  secret: string | null;
  headers: Record<string, string>;
  is_active: boolean;
  updated_at: string;
  [field: string]: unknown;
}

const URL = 'https://hooks.example.com/orders';
const ADDRESSES: Record<string, string[]> = {
  'public.example.com': ['93.184.215.14'],
  'inside.example.com': ['10.0.0.7'],
  'mixed.example.com': ['93.184.215.14', '169.254.169.254'],
};

let api: ApiApp;
let tenant: TestTenant;
beforeAll(async () => {
  api = await ApiApp.start({
    resolveAll: (hostname) => {
      const addresses = ADDRESSES[hostname];
      if (addresses !== undefined) return Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
      return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
    },
  });
});
beforeEach(async () => {
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const post = (body: object) => tenant.call<EndpointBody>('POST', '/endpoints', body);
const create = async (body: object = {}): Promise<EndpointBody> => {
  const answer = await post({ url: URL, ...body });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
};
const patch = (id: string, body: object) => tenant.call<EndpointBody>('PATCH', `/endpoints/${id}`, body);
const secretOf = async (id: string) =>
  (await tenant.call<{ secret: string; public_key: string | null }>('GET', `/endpoints/${id}/secret`)).body;

describe('creating an endpoint', () => {
  it('fills in the defaults and shows the secret it made', async () => {
    const { status, body } = await post({ url: URL });
    expect(status).toBe(201);
    const { secret, ...rest } = body;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(rest).toEqual({
      id: expect.any(String) as string,
      url: URL,
      description: null,
      event_types: [],
      is_active: true,
      headers: {},
      rate_limit: null,
      timeout_ms: 15_000,
      retry_policy: null,
      signature: 'standard',
      format: 'envelope',
      tls: null,
      disabled_reason: null,
      created_at: expect.any(String) as string,
      updated_at: expect.any(String) as string,
    });
    expect((await tenant.call('GET', `/endpoints/${body.id}`)).body).toEqual(rest);
    expect(await secretOf(body.id)).toEqual({ secret, public_key: null });
  });

  it('takes every setting', async () => {
    const settings = {
      description: 'Two\nlines',
      event_types: ['order.*', 'invoice.paid'],
      is_active: false,
      rate_limit: 10,
      timeout_ms: 1_000,
      retry_policy: { max_attempts: 5, initial_seconds: 1, factor: 2, max_seconds: 60 },
      signature: 'sha256',
      format: 'payload',
    };
    const secret = 'a plain secret of the receiver';
    expect(await create({ ...settings, secret })).toMatchObject({ ...settings, secret });
    expect((await create({ event_types: ['a', 'b', 'a'] })).event_types).toEqual(['a', 'b']);
  });

  it("uses the tenant's secret key for sha256 without a secret", async () => {
    const { id, secret } = await create({ signature: 'sha256' });
    expect(secret).toBeNull();
    expect((await secretOf(id)).secret).toBe(tenant.secretKey);
  });

  it('makes an ed25519 pair and shows its public half', async () => {
    const { id, secret } = await create({ signature: 'standard-ed25519' });
    expect(secret).toMatch(/^whsk_/);
    expect((await secretOf(id)).public_key).toMatch(/^whpk_/);
  });

  it('never shows header values again, nor stores them or the secret in clear', async () => {
    const token = `s3cr3t-${randomUUID()}`;
    const { id, headers, secret } = await create({ headers: { 'X-Token': token, 'x-other': '' } });
    expect(headers).toEqual({ 'X-Token': '***', 'x-other': '***' });
    expect((await tenant.call('GET', `/endpoints/${id}`)).text).not.toContain(token);
    const stored = JSON.stringify(await api.db.query('SELECT * FROM endpoints WHERE id = $1', [id]));
    expect(stored).not.toContain(token);
    expect(stored).not.toContain(String(secret).slice(6));
  });

  it.each([
    ['no URL', { url: undefined }, 'url'],
    ['a number for a URL', { url: 5 }, 'url'],
    ['a private address', { url: 'http://10.0.0.1/' }, 'url'],
    ['a metadata address', { url: 'http://169.254.169.254/latest' }, 'url'],
    ['another scheme', { url: 'ftp://hooks.example.com/' }, 'url'],
    ['user info', { url: 'https://me:pw@hooks.example.com/' }, 'url'],
    ['a NUL in the URL', { url: 'https://hooks.example.com/\u0000' }, 'url'],
    ['a name that leads inside', { url: 'https://inside.example.com/' }, 'url'],
    ['a name that leads inside as well', { url: 'https://mixed.example.com/' }, 'url'],
    ['a bad event type', { event_types: ['order..created'] }, 'event_types'],
    ['a lone star', { event_types: ['*'] }, 'event_types'],
    ['a number among the types', { event_types: [1] }, 'event_types'],
    ['101 event types', { event_types: Array.from({ length: 101 }, (_, n) => `t${n}`) }, 'event_types'],
    ['null event types', { event_types: null }, 'event_types'],
    ['a reserved header', { headers: { Host: 'x' } }, 'headers.Host'],
    ['a webhook header', { headers: { 'webhook-id': 'x' } }, 'headers.webhook-id'],
    ['a line break in a header', { headers: { 'x-a': 'a\r\nb: c' } }, 'headers.x-a'],
    ['a number as a header', { headers: { 'x-a': 1 } }, 'headers'],
    ['headers in an array', { headers: ['x-a'] }, 'headers'],
    ['too short a timeout', { timeout_ms: 999 }, 'timeout_ms'],
    ['a timeout as a string', { timeout_ms: '15000' }, 'timeout_ms'],
    ['null for the timeout', { timeout_ms: null }, 'timeout_ms'],
    ['a word for a boolean', { is_active: 'true' }, 'is_active'],
    ['an unknown signature', { signature: 'md5' }, 'signature'],
    ['a secret of another scheme', { signature: 'standard-ed25519', secret: generateSecret('standard') }, 'secret'],
    ['a short secret', { secret: 'whsec_c2hvcnQ=' }, 'secret'],
    ['a bad retry policy', { retry_policy: { preset: 'never' } }, 'retry_policy.preset'],
    ['a NUL in the description', { description: 'a\u0000' }, 'description'],
    ['a typo', { event_type: ['a'] }, 'event_type'],
  ])('refuses %s', async (_what, body, field) => {
    const answer = await post({ url: URL, ...body });
    expect([answer.status, refusedFields(answer)]).toEqual([422, [field]]);
  });

  it('does not tell which address a refused name has', async () => {
    const answer = await post({ url: 'https://inside.example.com/' });
    expect(answer.text).toContain('is not allowed');
    expect(answer.text).not.toMatch(/10\.0|private/);
  });

  it('takes a name with public addresses, and one without any yet', async () => {
    expect((await post({ url: 'https://public.example.com/' })).status).toBe(201);
    expect((await post({ url: 'https://not-yet.example.com/' })).status).toBe(201);
  });
});

describe('changing an endpoint', () => {
  it('leaves alone what is not named, and clears what is null', async () => {
    const { id } = await create({
      description: 'x',
      headers: { 'x-a': '1' },
      rate_limit: 5,
      retry_policy: { preset: 'long' },
      event_types: ['a'],
    });
    expect((await patch(id, {})).body).toMatchObject({
      description: 'x',
      headers: { 'x-a': '***' },
      rate_limit: 5,
      event_types: ['a'],
    });
    const cleared = await patch(id, {
      description: null,
      headers: null,
      rate_limit: null,
      retry_policy: null,
      event_types: [],
    });
    expect(cleared.status).toBe(200);
    expect(cleared.body).toMatchObject({
      url: URL,
      description: null,
      headers: {},
      rate_limit: null,
      retry_policy: null,
      event_types: [],
    });
  });

  it('replaces all headers at once', async () => {
    const { id } = await create({ headers: { 'x-a': '1', 'x-b': '2' } });
    expect((await patch(id, { headers: { 'x-c': '3' } })).body.headers).toEqual({ 'x-c': '***' });
    expect((await patch(id, { headers: {} })).body.headers).toEqual({});
  });

  it.each([
    [{ url: null }],
    [{ url: 'http://192.168.0.1/' }],
    [{ timeout_ms: null }],
    [{ is_active: null }],
    [{ signature: null }],
    [{ format: 'xml' }],
  ])('refuses %j', async (body) => {
    const { id } = await create();
    const answer = await patch(id, body);
    expect([answer.status, refusedFields(answer)]).toEqual([422, Object.keys(body)]);
  });

  it('knows no malformed or unknown id, nor another tenant’s', async () => {
    const stranger = await api.createTenant();
    const { body: theirs } = await stranger.call<EndpointBody>('POST', '/endpoints', { url: URL });
    for (const id of [theirs.id, randomUUID(), 'nonsense', '%00', 'x'.repeat(200)]) {
      const answers = await Promise.all([
        tenant.call('GET', `/endpoints/${id}`),
        patch(id, { description: 'mine' }),
        // What is wrong with the rest of a request is told to those alone who have the endpoint.
        patch(id, { url: 'http://10.0.0.1/' }),
        patch(id, { tls: { ca: 'nonsense' } }),
        tenant.call('DELETE', `/endpoints/${id}`),
        tenant.call('GET', `/endpoints/${id}/secret`),
        tenant.call('POST', `/endpoints/${id}/secret/rotate`),
        tenant.call('POST', `/endpoints/${id}/test`),
      ]);
      expect(answers.map((answer) => answer.status)).toEqual(Array<number>(8).fill(404));
    }
    expect((await stranger.call<EndpointBody>('GET', `/endpoints/${theirs.id}`)).body.description).toBeNull();
    expect((await tenant.call<{ data: unknown[] }>('GET', '/endpoints')).body.data).toEqual([]);
  });

  it('finds an id in upper case, and opens what it sealed under it', async () => {
    const { id } = await create();
    await patch(id.toUpperCase(), { headers: { 'x-a': '1' } });
    const answer = await tenant.call<{ request: { headers: Record<string, string> } }>('POST', `/endpoints/${id}/test`);
    expect(answer.body.request.headers).toMatchObject({ 'x-a': '***' });
  });

  it('makes a new secret when another signature needs one, and only then', async () => {
    const { id, secret } = await create();
    const toEd25519 = await patch(id, { signature: 'standard-ed25519' });
    expect(toEd25519.body.secret).toMatch(/^whsk_/);
    expect((await secretOf(id)).secret).toBe(toEd25519.body.secret);
    const given = generateSecret('standard');
    expect((await patch(id, { signature: 'standard', secret: given })).body.secret).toBe(given);
    const toSha256 = await patch(id, { signature: 'sha256' });
    expect([toSha256.status, toSha256.body.secret]).toEqual([200, undefined]);
    expect((await secretOf(id)).secret).toBe(given);
    expect(given).not.toBe(secret);
    expect(refusedFields(await patch(id, { secret: 'another plain secret' }))).toEqual(['secret']);

    const shared = await create({ signature: 'sha256' });
    const own = (await patch(shared.id, { signature: 'standard' })).body.secret;
    expect(own).toMatch(/^whsec_/);
    expect(own).not.toBe(tenant.secretKey);
  });

  it('lets out what waited while a person had it disabled, and forgets why it was disabled', async () => {
    const { id } = await create();
    const neighbour = await create();
    const event = await seedEvent(api.db, tenant.id);
    const hold = { heldBy: 'disabled', nextAttemptAt: null } as const;
    const mine = await seedDelivery(api.db, event, id, hold);
    const theirs = await seedDelivery(api.db, event, neighbour.id, hold);
    await api.db.query(`UPDATE endpoints SET is_active = false, disabled_reason = 'gone' WHERE id = $1`, [id]);

    expect((await patch(id, { is_active: false })).body).toMatchObject({ is_active: false, disabled_reason: 'gone' });
    expect((await tenant.call('GET', `/deliveries/${mine.id}`)).body.held_by).toBe('disabled');
    expect((await patch(id, { is_active: true })).body).toMatchObject({ is_active: true, disabled_reason: null });
    expect((await tenant.call('GET', `/deliveries/${mine.id}`)).body).toMatchObject({
      held_by: null,
      status: 'pending',
    });
    expect((await tenant.call('GET', `/deliveries/${theirs.id}`)).body.held_by).toBe('disabled');
  });
});

describe('deleting an endpoint', () => {
  it('cancels what waits, and leaves to the worker what is under way', async () => {
    const { id } = await create();
    const event = await seedEvent(api.db, tenant.id);
    const seed = (values: Parameters<typeof seedDelivery>[3]) => seedDelivery(api.db, event, id, values);
    const held = await seed({ heldBy: 'circuit', nextAttemptAt: null });
    const waiting = await seed({ nextAttemptAt: new Date(Date.now() + 60_000), attempts: 1 });
    const leased = await seed({ leasedUntil: new Date(Date.now() + 60_000), leaseNo: 1 });
    const done = await seed({ status: 'succeeded', completedAt: new Date() });
    const retried = await seed({ status: 'pending', settledStatus: 'succeeded', completedAt: new Date(0) });
    expect((await tenant.call('DELETE', `/endpoints/${id}`)).status).toBe(204);
    expect((await tenant.call('GET', `/endpoints/${id}`)).status).toBe(404);
    const cancelled = { status: 'cancelled', last_error: 'endpoint_deleted', held_by: null, next_attempt_at: null };
    const now = async (delivery: { id: string }) => (await tenant.call('GET', `/deliveries/${delivery.id}`)).body;
    expect(await now(held)).toMatchObject({ ...cancelled, completed_at: expect.any(String) as string });
    expect(await now(waiting)).toMatchObject(cancelled);
    expect(await now(leased)).toMatchObject({ status: 'pending', last_error: null });
    expect(await now(done)).toMatchObject({ status: 'succeeded', last_error: null });
    expect(await now(retried)).toMatchObject({
      status: 'succeeded',
      last_error: null,
      completed_at: new Date(0).toISOString(),
    });
  });
});

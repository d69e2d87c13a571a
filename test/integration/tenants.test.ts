import { randomUUID } from 'node:crypto';
import { TenantRemovals } from '../../src/tenants/tenant-removals.service.js';
import { ApiApp, refusedFields, type TestTenant } from '../support/api-app.js';
import { seedDelivery, seedEvent } from '../support/seed.js';
import { waitFor } from '../support/processes.js';

let api: ApiApp;
beforeAll(async () => {
  api = await ApiApp.start();
});
afterAll(() => api.close());

describe('creating a tenant', () => {
  it('answers the whole tenant, with an API key and a secret key that are shown once', async () => {
    const created = await api.call('POST', '/tenants', { body: { name: 'Acme', email: 'ops@acme.example' } });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/) as string,
      name: 'Acme',
      email: 'ops@acme.example',
      status: 'active',
      rate_limit: 6_000,
      delivery_rate_limit: null,
      retry_policy: null,
      retention_days: null,
      require_signed_publish: false,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      updated_at: expect.stringMatching(/Z$/) as string,
      api_key: expect.stringMatching(/^ph_[0-9A-Za-z]{49}$/) as string,
      secret_key: expect.stringMatching(/^whsec_/) as string,
    });
    const { api_key, secret_key, ...rest } = created.body;
    const shown = await api.call('GET', `/tenants/${String(rest.id)}`);
    expect(shown.body).toEqual(rest);

    const stored = JSON.stringify(await api.db.query('SELECT * FROM tenants t JOIN api_keys k ON k.tenant_id = t.id'));
    expect(stored).not.toContain(String(api_key).slice(12));
    expect(stored).not.toContain(secret_key);
  });

  it('gives a key that works at once and has all scopes', async () => {
    const tenant = await api.createTenant();
    const keys = await tenant.call<{ data: { name: string; scopes: string[] }[] }>('GET', '/api-keys');
    expect(keys.body.data).toMatchObject([{ name: 'default' }]);
    expect(keys.body.data[0]?.scopes).toHaveLength(7);
  });

  it('takes every setting, and null for no limit', async () => {
    const settings = {
      name: 'Limits',
      email: null,
      rate_limit: null,
      delivery_rate_limit: 50,
      retry_policy: { max_attempts: 3, schedule_seconds: [0, 5, 60], jitter: 0 },
      retention_days: 7,
    };
    const created = await api.call('POST', '/tenants', { body: settings });
    expect(created.body).toMatchObject(settings);
  });

  it.each([
    ['no name', {}, ['name']],
    ['a blank name', { name: '  ' }, ['name']],
    ['a NUL in the name', { name: 'a\u0000b' }, ['name']],
    ['a lone surrogate in the name', { name: 'a\ud800' }, ['name']],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, ['name']],
    ['an address that is none', { name: 'a', email: 'nobody' }, ['email']],
    ['a limit of nought', { name: 'a', rate_limit: 0 }, ['rate_limit']],
    ['a limit as a string', { name: 'a', rate_limit: '100' }, ['rate_limit']],
    ['a fraction', { name: 'a', delivery_rate_limit: 1.5 }, ['delivery_rate_limit']],
    ['too long a retention', { name: 'a', retention_days: 3_651 }, ['retention_days']],
    ['a typo', { name: 'a', ratelimit: 5 }, ['ratelimit']],
    ['its own id', { name: 'a', id: randomUUID() }, ['id']],
    [
      'a bad retry policy',
      { name: 'a', retry_policy: { max_attempts: 0, schedule_seconds: [0] } },
      ['retry_policy.max_attempts'],
    ],
    ['a retry policy that is none', { name: 'a', retry_policy: 'quick' }, ['retry_policy']],
    ['several faults, each named', { name: '', email: 'x', rate_limit: -1 }, ['email', 'name', 'rate_limit']],
  ])('refuses %s', async (_what, body, fields) => {
    const answer = await api.call('POST', '/tenants', { body });
    expect([answer.status, refusedFields(answer)]).toEqual([422, fields]);
  });

  it.each(['[]', '"text"', '1', 'null', 'true'])('refuses the body %s, which is no object', async (body) => {
    const answer = await api.call('POST', '/tenants', { body });
    expect([answer.status, answer.headers['content-type']]).toEqual([422, 'application/problem+json; charset=utf-8']);
  });

  it('refuses a body nested so deeply that it would exhaust the stack', async () => {
    const nested = '['.repeat(50_000) + ']'.repeat(50_000);
    const answer = await api.call('POST', '/tenants', { body: `{"name":"a","retry_policy":${nested}}` });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });

  it('is for the operator alone', async () => {
    const tenant = await api.createTenant();
    expect((await tenant.call('POST', '/tenants', { name: 'Mine' })).status).toBe(403);
    expect((await tenant.call('GET', '/tenants')).status).toBe(403);
    expect((await tenant.call('GET', `/tenants/${tenant.id}`)).status).toBe(403);
    expect((await api.call('GET', '/tenants', { key: 'ph_nonsense' })).status).toBe(401);
  });
});

describe('listing tenants', () => {
  it('pages newest first, and rows that arrive meanwhile change nothing', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.unshift((await api.createTenant()).id);
    type TenantPage = { data: { id: string }[]; next_cursor: string };
    const first = await api.call<TenantPage>('GET', '/tenants?limit=2');
    expect(first.body.data.map((tenant) => tenant.id)).toEqual(ids.slice(0, 2));
    await api.createTenant();
    const second = await api.call<TenantPage>('GET', `/tenants?limit=1&cursor=${first.body.next_cursor}`);
    expect(second.body.data.map((tenant) => tenant.id)).toEqual(ids.slice(2));
  });

  it.each(['limit=0', 'limit=201', 'limit=ten', 'limit=', 'limit=1&limit=2', 'cursor=x', 'foo=1'])(
    'refuses ?%s',
    async (query) => {
      expect((await api.call('GET', `/tenants?${query}`)).status).toBe(422);
    },
  );
});

describe('changing a tenant', () => {
  let tenant: TestTenant;
  beforeEach(async () => {
    tenant = await api.createTenant({ email: 'a@b.example', delivery_rate_limit: 5, retry_policy: { preset: 'long' } });
  });

  it('leaves alone what is not named, and clears what is null', async () => {
    const answer = await api.call('PATCH', `/tenants/${tenant.id}`, { body: { email: null, retry_policy: null } });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      name: 'Acme',
      email: null,
      retry_policy: null,
      delivery_rate_limit: 5,
      rate_limit: 6_000,
    });
    expect(Date.parse(String(answer.body.updated_at))).toBeGreaterThan(Date.parse(String(answer.body.created_at)));
  });

  it.each([[{ name: null }], [{ status: null }], [{ status: 'gone' }], [{ rate_limit: '5' }], [{ api_key: 'x' }]])(
    'refuses %j',
    async (body) => {
      const answer = await api.call('PATCH', `/tenants/${tenant.id}`, { body });
      expect([answer.status, refusedFields(answer)]).toEqual([422, Object.keys(body)]);
    },
  );

  it.each(['not-an-id', randomUUID()])('knows no tenant %s', async (id) => {
    for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
      expect((await api.call(method, `/tenants/${id}`, method === 'PATCH' ? { body: { name: 'x' } } : {})).status).toBe(
        404,
      );
    }
  });

  it('lets out what waited while it was suspended, and nothing else', async () => {
    const { body: endpoint } = await tenant.call<{ id: string }>('POST', '/endpoints', {
      url: 'https://hooks.example.com/',
    });
    const event = await seedEvent(api.db, tenant.id);
    const held = await seedDelivery(api.db, event, endpoint.id, { heldBy: 'suspended', nextAttemptAt: null });
    const other = await seedDelivery(api.db, event, endpoint.id, { heldBy: 'circuit', nextAttemptAt: null });
    const path = `/tenants/${tenant.id}`;
    expect((await api.call('PATCH', path, { body: { status: 'suspended' } })).body.status).toBe('suspended');
    expect((await tenant.call('GET', `/deliveries/${held.id}`)).body).toMatchObject({
      held_by: 'suspended',
      next_attempt_at: null,
    });
    expect((await api.call('PATCH', path, { body: { status: 'active' } })).body.status).toBe('active');
    expect((await tenant.call('GET', `/deliveries/${held.id}`)).body).toMatchObject({
      status: 'pending',
      held_by: null,
      next_attempt_at: expect.any(String) as string,
    });
    expect((await tenant.call('GET', `/deliveries/${other.id}`)).body.held_by).toBe('circuit');
  });
});

describe('deleting a tenant', () => {
  it('ends its keys at once and removes every row of it, and of nobody else', async () => {
    const [tenant, neighbour] = [await api.createTenant(), await api.createTenant()];
    for (const owner of [tenant, neighbour]) {
      const { body: endpoint } = await owner.call<{ id: string }>('POST', '/endpoints', {
        url: 'https://hooks.example.com/',
      });
      const event = await seedEvent(api.db, owner.id);
      const delivery = await seedDelivery(api.db, event, endpoint.id, { status: 'succeeded', attempts: 1 }, [
        'succeeded',
      ]);
      await api.db.query(
        `INSERT INTO idempotency_keys VALUES ($1, 'event_id', 'k', $2, '\\x00', 1, null, now() + interval '1 day')`,
        [owner.id, event.id],
      );
      expect((await owner.call('GET', `/deliveries/${delivery.id}/attempts`)).status).toBe(200);
    }
    expect((await api.call('DELETE', `/tenants/${tenant.id}`)).status).toBe(204);
    expect((await tenant.call('GET', '/endpoints')).status).toBe(401);
    expect((await api.call('GET', '/endpoints', { headers: { 'x-tenant-id': tenant.id } })).status).toBe(404);

    const tables = [
      'tenants',
      'api_keys',
      'endpoints',
      'dead_letters',
      'events',
      'deliveries',
      'delivery_attempts',
      'idempotency_keys',
    ];
    const rowsOf = async (id: string): Promise<number[]> => {
      const counts = tables.map(async (table) => {
        const column = table === 'tenants' ? 'id' : 'tenant_id';
        const [row] = await api.db.query<{ n: number }[]>(
          `SELECT count(*)::int AS n FROM ${table} WHERE ${column} = $1`,
          [id],
        );
        return row?.n ?? -1;
      });
      return Promise.all(counts);
    };
    await waitFor(async () => (await rowsOf(tenant.id)).every((n) => n === 0), {
      what: 'the rows to go',
    });
    expect(await rowsOf(neighbour.id)).toEqual([1, 1, 1, 0, 1, 1, 1, 1]);

    // What an attempt under way then writes is taken by a later run, and only then is the removal done.
    await seedEvent(api.db, tenant.id);
    await api.db.query(`UPDATE tenant_removals SET requested_at = now() - interval '1 hour'`);
    await Promise.all([api.app.get(TenantRemovals).removePending(), api.app.get(TenantRemovals).removePending()]);
    expect((await rowsOf(tenant.id)).every((n) => n === 0)).toBe(true);
    expect(await api.db.query('SELECT FROM tenant_removals')).toEqual([]);
  });
});

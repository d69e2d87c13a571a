import { SCOPES, type Scope } from '../../src/api-keys/api-key.entity.js';
import { ApiClient, type Answer, type DeliveryBody, type Method, type TenantClient } from '../support/api-client.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

/** What a route is, to somebody it is not for. */
type Case =
  /** Open to all. */
  | { kind: 'public' }
  /** The operator's page, which tenants' keys don't open. */
  | { kind: 'operator page' }
  | { kind: 'operator' }
  /** Names something by id: another tenant's is not found. */
  | { kind: 'by id'; scope: Scope; body?: object }
  /** Acts on the caller's own, whatever ids of another tenant come with it: such a call ends with `status` and shows nothing. */
  | {
      kind: 'own';
      scope: Scope;
      status: number;
      body?: (victim: Victim) => object;
      queries?: (victim: Victim) => string[];
    };

/** Ids of the tenant that is to be left alone. */
interface Victim {
  client: TenantClient;
  ids: Record<string, string[]>;
}

const URL_OF_NOBODY = 'http://127.0.0.1:64999/';
const EVENT = { event_type: 'order.created', payload: {} };
const idOf = (victim: Victim, resource: string): string => victim.ids[resource]?.[0] ?? '';
const filtersOf = (victim: Victim): string[] => [
  `?event_id=${idOf(victim, 'events')}`,
  '?event_id=acme-order-1',
  `?endpoint_id=${idOf(victim, 'endpoints')}`,
  `?cursor=ffffffff-ffff-7fff-bfff-ffffffffffff`,
];

const CASES: Record<string, Case> = {
  'GET /health/live': { kind: 'public' },
  'GET /health/ready': { kind: 'public' },
  'GET /metrics': { kind: 'operator page' },

  'POST /api/v1/tenants': { kind: 'operator' },
  'GET /api/v1/tenants': { kind: 'operator' },
  'GET /api/v1/tenants/{id}': { kind: 'operator' },
  'PATCH /api/v1/tenants/{id}': { kind: 'operator' },
  'DELETE /api/v1/tenants/{id}': { kind: 'operator' },

  'POST /api/v1/api-keys': { kind: 'own', scope: 'keys:write', status: 201, body: () => ({ name: 'mine' }) },
  'GET /api/v1/api-keys': { kind: 'own', scope: 'keys:write', status: 200 },
  'POST /api/v1/api-keys/{id}/rotate': { kind: 'by id', scope: 'keys:write', body: { overlap_seconds: 0 } },
  'DELETE /api/v1/api-keys/{id}': { kind: 'by id', scope: 'keys:write' },

  'POST /api/v1/endpoints': {
    kind: 'own',
    scope: 'endpoints:write',
    status: 201,
    body: () => ({ url: URL_OF_NOBODY }),
  },
  'GET /api/v1/endpoints': { kind: 'own', scope: 'endpoints:read', status: 200 },
  'GET /api/v1/endpoints/health': { kind: 'own', scope: 'endpoints:read', status: 200 },
  'GET /api/v1/endpoints/{id}': { kind: 'by id', scope: 'endpoints:read' },
  'GET /api/v1/endpoints/{id}/health': { kind: 'by id', scope: 'endpoints:read' },
  'PATCH /api/v1/endpoints/{id}': { kind: 'by id', scope: 'endpoints:write', body: { url: URL_OF_NOBODY } },
  'DELETE /api/v1/endpoints/{id}': { kind: 'by id', scope: 'endpoints:write' },
  'GET /api/v1/endpoints/{id}/secret': { kind: 'by id', scope: 'endpoints:write' },
  'POST /api/v1/endpoints/{id}/secret/rotate': { kind: 'by id', scope: 'endpoints:write', body: {} },
  'POST /api/v1/endpoints/{id}/test': { kind: 'by id', scope: 'endpoints:write' },
  'POST /api/v1/endpoints/{id}/replay': {
    kind: 'by id',
    scope: 'deliveries:write',
    body: { since: '2020-01-01T00:00:00Z' },
  },
  'GET /api/v1/replays/{id}': { kind: 'by id', scope: 'deliveries:read' },

  'POST /api/v1/events': {
    kind: 'own',
    scope: 'events:write',
    status: 422,
    body: (victim) => ({ ...EVENT, endpoint_ids: [idOf(victim, 'endpoints')] }),
  },
  'POST /api/v1/events/batch': {
    kind: 'own',
    scope: 'events:write',
    status: 202,
    body: (victim) => ({ events: [{ ...EVENT, endpoint_ids: [idOf(victim, 'endpoints')] }, EVENT] }),
  },
  'GET /api/v1/events': { kind: 'own', scope: 'events:read', status: 200, queries: () => ['?event_id=acme-order-2'] },
  'GET /api/v1/events/{id}': { kind: 'by id', scope: 'events:read' },
  'POST /api/v1/events/{id}/replay': { kind: 'by id', scope: 'deliveries:write', body: {} },

  'GET /api/v1/deliveries': { kind: 'own', scope: 'deliveries:read', status: 200, queries: filtersOf },
  'GET /api/v1/deliveries/{id}': { kind: 'by id', scope: 'deliveries:read' },
  'GET /api/v1/deliveries/{id}/attempts': { kind: 'by id', scope: 'deliveries:read' },
  'POST /api/v1/deliveries/{id}/retry': { kind: 'by id', scope: 'deliveries:write' },
  'POST /api/v1/deliveries/{id}/cancel': { kind: 'by id', scope: 'deliveries:write' },

  'GET /api/v1/dead-letters': {
    kind: 'own',
    scope: 'deliveries:read',
    status: 200,
    queries: (victim) => [`?endpoint_id=${idOf(victim, 'endpoints')}`],
  },
  'GET /api/v1/dead-letters/{id}': { kind: 'by id', scope: 'deliveries:read' },
  'POST /api/v1/dead-letters/{id}/retry': { kind: 'by id', scope: 'deliveries:write' },
  'POST /api/v1/dead-letters/{id}/resolve': { kind: 'by id', scope: 'deliveries:write' },
  'POST /api/v1/dead-letters/retry': { kind: 'own', scope: 'deliveries:write', status: 202, body: () => ({}) },

  'GET /api/v1/stats': { kind: 'own', scope: 'deliveries:read', status: 200 },
};

describe('tenant isolation [postgres]', () => {
  const installation = useInstallation({ backend: 'postgres' });
  let victim: Victim;
  let stranger: TenantClient;
  const keysWithout = new Map<Scope, string>();
  let before: string;

  beforeAll(async () => {
    const { posthaste } = installation;
    victim = await makeVictim();
    stranger = await posthaste.operator.createTenant({ name: 'Stranger' });
    for (const scope of SCOPES) {
      const scopes = SCOPES.filter((other) => other !== scope);
      keysWithout.set(scope, (await stranger.post<{ key: string }>('/api-keys', { name: scope, scopes })).key);
    }
    // Nothing moves by itself from here on: whatever changes is the stranger's doing.
    await posthaste.workers[0]?.stop();
    before = await rowsOf(victim.client.id);
  }, 60_000);

  /** A tenant with one of everything: delivered, dead-lettered, held. */
  async function makeVictim(): Promise<Victim> {
    const { posthaste, hooks } = installation;
    const client = await posthaste.operator.createTenant({ name: 'Acme' });
    hooks.respond('/victim', () => ({ status: 500, body: 'acme-response' }));
    const retry_policy = { max_attempts: 1, schedule_seconds: [0] };
    const endpoint = await client.createEndpoint(hooks.url('/victim'), { retry_policy });
    const event = await client.publish({ event_id: 'acme-order-1', payload: 'acme-payload', source: 'acme-source' });
    await client.publish({ event_id: 'acme-order-2', payload: 'acme-payload' });
    const [delivery] = (await client.settled(event.id)) as [DeliveryBody];
    const letter = await client.deadLetterOf(delivery);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const replay = await client.post<{ id: string }>(`/endpoints/${endpoint.id}/replay`, { since });
    await waitFor(async () => (await client.get(`/replays/${replay.id}`)).status !== 'running', { what: 'the replay' });
    await waitFor(async () => (await client.list('/deliveries?status=pending')).length === 0, {
      what: 'all to settle',
    });
    const idle = await client.createEndpoint(hooks.url('/victim-idle'), { is_active: false });
    await client.publish({ endpoint_ids: [idle.id], payload: 'acme-payload' });
    const attempts = await client.attemptsOf(delivery.id);
    const keys = await client.list<{ id: string }>('/api-keys');
    return {
      client,
      ids: {
        tenants: [client.id],
        endpoints: [endpoint.id, idle.id],
        events: [event.id, 'acme-order-1'],
        deliveries: [delivery.id],
        attempts: attempts.map(({ id }) => id),
        'dead-letters': [letter.id],
        'api-keys': keys.map(({ id }) => id),
        replays: [replay.id],
      },
    };
  }

  /** All rows of a tenant, in all tables that tell whose a row is; but not the roll-ups, which are written behind. */
  async function rowsOf(tenantId: string): Promise<string> {
    const { posthaste } = installation;
    const tables = await posthaste.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND a.attname = 'tenant_id' AND c.relname NOT LIKE '%minutes' ORDER BY 1`,
    );
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['api_keys', 'dead_letters', 'deliveries', 'delivery_attempts', 'endpoints', 'events']),
    );
    const dumps = [await posthaste.query(`SELECT t::text FROM tenants t WHERE id = $1`, [tenantId])];
    for (const { name } of tables) {
      dumps.push(await posthaste.query(`SELECT t::text FROM ${name} t WHERE tenant_id = $1 ORDER BY 1`, [tenantId]));
    }
    return JSON.stringify(dumps, null, 1);
  }

  const methodAndPath = (route: string): [Method, string] => route.split(' ') as [Method, string];
  /** Below `/api/v1` by a client, or from the root. */
  async function call(
    route: string,
    key: string | null,
    options: { id?: string; query?: string; body?: object } = {},
  ): Promise<Answer> {
    const [method, template] = methodAndPath(route);
    const path = template.replace('{id}', encodeURIComponent(options.id ?? '')) + (options.query ?? '');
    // Not a bare client of the stranger's: the victim named in the operator's header must change nothing either.
    const headers: Record<string, string> = { 'x-tenant-id': victim.client.id };
    const body = options.body ?? (method === 'POST' || method === 'PATCH' ? {} : undefined);
    const client = new RootClient(installation.posthaste.url, key ?? '');
    return client.call(method, path, { body, headers });
  }
  const idsFor = (route: string): string[] => {
    const resource = /\/([a-z-]+)\/\{id\}/.exec(route)?.[1];
    return resource === undefined ? [''] : (victim.ids[resource] ?? []);
  };
  /** Nothing of the victim's stands in the answer but what the request itself had named. */
  function expectNothingOf(answer: Answer, request: unknown): void {
    const named = JSON.stringify(request);
    const secrets = [...Object.values(victim.ids).flat(), victim.client.key, victim.client.secretKey];
    const texts = [...secrets, 'acme-payload', 'acme-source', 'acme-response', 'acme-order', '/victim', 'Acme'];
    expect(texts.filter((text) => answer.text.includes(text) && !named.includes(text))).toEqual([]);
  }

  it('has a case for every route, and none for a route that there is not', async () => {
    const document = (await (await fetch(`${installation.posthaste.url}/docs-json`)).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(Object.keys(CASES).sort()).toEqual(routes.sort());
  });

  describe.each(Object.entries(CASES))('%s', (route, known) => {
    const open = known.kind === 'public';

    it(open ? 'is open' : 'asks for a key that is good', async () => {
      const id = idsFor(route)[0];
      for (const key of [null, 'ph_nonsense', `ph_${'0'.repeat(43)}1W43vm`, `${installation.posthaste.adminKey}x`]) {
        expect((await call(route, key, { id })).status).toBe(open ? 200 : 401);
      }
    });

    if (known.kind === 'operator' || known.kind === 'operator page') {
      it("does not open to a tenant's key", async () => {
        const expected = known.kind === 'operator' ? 403 : 401;
        for (const key of [stranger.key, ...keysWithout.values()]) {
          const answer = await call(route, key, { id: idsFor(route)[0] });
          expect(answer.status).toBe(expected);
          expectNothingOf(answer, {});
        }
      });
    }

    if (known.kind === 'by id' || known.kind === 'own') {
      it(`asks for the scope ${known.scope}`, async () => {
        const answer = await call(route, keysWithout.get(known.scope) ?? '', { id: idsFor(route)[0] });
        expect(answer).toMatchObject({ status: 403, body: { type: 'urn:posthaste:problem:missing_scope' } });
        expectNothingOf(answer, {});
      });
    }

    if (known.kind === 'by id') {
      it("knows nothing of another tenant's id", async () => {
        expect(idsFor(route)).not.toEqual([]);
        for (const id of idsFor(route)) {
          const answer = await call(route, stranger.key, { id, body: known.body });
          expect(answer).toMatchObject({ status: 404, body: { type: 'urn:posthaste:problem:not_found' } });
          expectNothingOf(answer, { id });
        }
        if (!route.startsWith('GET')) return;
        // To its owner's side, on the other hand, the id means something: the 404 was not for a slip in this test.
        for (const id of idsFor(route)) {
          expect(await call(route, installation.posthaste.adminKey, { id })).toMatchObject({ status: 200 });
        }
      });
    }

    if (known.kind === 'own') {
      it("acts on the caller's own alone", async () => {
        const body = known.body?.(victim);
        for (const query of ['', ...(known.queries?.(victim) ?? [])]) {
          const answer = await call(route, stranger.key, { query, body });
          expect(answer.status).toBe(known.status);
          expectNothingOf(answer, { query, body });
        }
      });
    }
  });

  // The last one: after all that was tried above.
  it('has changed nothing of the other tenant', async () => {
    expect(await rowsOf(victim.client.id)).toBe(before);
    expect(installation.hooks.at('/victim-idle')).toEqual([]);
  });
});

/** Paths from the root, as the document of the API has them. */
class RootClient extends ApiClient {
  override call<Body = Record<string, unknown>>(
    method: Method,
    path: string,
    options?: Parameters<ApiClient['call']>[2],
  ): Promise<Answer<Body>> {
    return super.call<Body>(
      method,
      path.startsWith('/api/v1') ? path.slice('/api/v1'.length) : `/../..${path}`,
      options,
    );
  }
}

import fc from 'fast-check';
import { setTimeout as delay } from 'node:timers/promises';
import { OAUTH_ERRORS } from '../../src/oauth/oauth-error.js';
import type { TenantClient } from '../support/api-client.js';
import {
  bodyFor,
  contentType,
  formFor,
  formType,
  headers,
  oddText,
  rawId,
  send,
  wellFormed,
  type FuzzAnswer,
  type FuzzRequest,
} from '../support/fuzz-requests.js';
import { useInstallation } from '../support/installation.js';

// The seed is printed with a failure, and at the start: FUZZ_SEED repeats a run, FUZZ_RUNS makes it longer.
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
/** Longer than any answer may take, and far longer than one does. */
const HANG_MS = 10_000;

const OAUTH_ROUTE = 'POST /oauth/token';
const UUID = '0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f10';
const ENDPOINT = {
  url: 'http://127.0.0.1:64999/',
  description: 'd',
  event_types: ['order.*'],
  is_active: false,
  headers: { 'x-a': 'b' },
  rate_limit: 1,
  timeout_ms: 1_000,
  retry_policy: { max_attempts: 1, schedule_seconds: [0] },
  signature: 'standard',
  format: 'envelope',
  secret: `whsec_${'a'.repeat(32)}`,
  tls: { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
};
const EVENT = { event_type: 'order.created', payload: { a: 1 }, event_id: 'e', source: 's', endpoint_ids: [UUID] };
/** A good body for each route that takes one; the others get one of no use. */
const GOOD: Record<string, Record<string, unknown>> = {
  'POST /api/v1/tenants': { name: 'n', email: 'a@b.example', rate_limit: 1, delivery_rate_limit: 1, retention_days: 1 },
  'PATCH /api/v1/tenants/{id}': { name: 'n', status: 'active', retry_policy: { preset: 'quick' } },
  'POST /api/v1/tenants/{id}/portal-links': { scopes: ['events:read'], expires_in_seconds: 60 },
  'POST /api/v1/api-keys': { name: 'n', scopes: ['events:write'], expires_at: '2099-01-01T00:00:00Z' },
  'POST /api/v1/api-keys/{id}/rotate': { overlap_seconds: 1 },
  'POST /api/v1/endpoints': ENDPOINT,
  'PATCH /api/v1/endpoints/{id}': ENDPOINT,
  'POST /api/v1/endpoints/{id}/secret/rotate': { secret: ENDPOINT.secret, overlap_seconds: 1 },
  'POST /api/v1/endpoints/{id}/replay': {
    since: '2026-01-01T00:00:00Z',
    until: '2026-01-02T00:00:00Z',
    status: 'missing',
  },
  'POST /api/v1/events': EVENT,
  'POST /api/v1/events/batch': { events: [EVENT, EVENT] },
  'POST /api/v1/events/{id}/replay': { endpoint_ids: [UUID] },
  'POST /api/v1/dead-letters/retry': { endpoint_id: UUID, reason: 'gone', after: '2026-01-01T00:00:00Z' },
};
const FREQUENT = [
  'POST /api/v1/events',
  'POST /api/v1/events/batch',
  'POST /api/v1/endpoints',
  'PATCH /api/v1/endpoints/{id}',
];

describe('arbitrary requests [postgres]', () => {
  // Afterwards no process may have logged an error: a fault of ours that was answered with less than a 5xx shows there.
  const installation = useInstallation({ backend: 'postgres' });
  let tenant: TenantClient;
  let routes: string[];
  const statuses = new Map<number, number>();
  let endpointId: string;
  /** Good credentials at the one route that takes a form. */
  let form: Record<string, string>;
  beforeAll(async () => {
    console.info(`FUZZ_SEED=${SEED} FUZZ_RUNS=${RUNS}`);
    tenant = await installation.posthaste.operator.createTenant();
    endpointId = (await tenant.createEndpoint(installation.hooks.url('/fuzz'))).id;
    const key = await tenant.post<{ id: string; key: string }>('/api-keys', { name: 'client' });
    form = { grant_type: 'client_credentials', client_id: key.id, client_secret: key.key, scope: 'events:read' };
    const { paths } = (await (await fetch(`${installation.posthaste.url}/docs-json`)).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
  });

  /** @returns what is wrong with the answer, or null */
  async function problemWith(request: FuzzRequest): Promise<string | null> {
    const timer = new AbortController();
    const hang = delay(HANG_MS, 'hang' as const, { signal: timer.signal }).catch(() => 'hang' as const);
    const answer = await Promise.race([send(installation.posthaste.url, request), hang]);
    timer.abort();
    if (answer === 'hang') return 'no answer';
    if (answer === null) return null;
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.status < 400) return null;
    if (answer.status >= 500) return `${answer.status} ${answer.text}`;
    if (isOAuthError(request, answer)) return null;
    if (!answer.contentType.startsWith('application/problem+json')) return `${answer.status} as ${answer.contentType}`;
    const problem = JSON.parse(answer.text) as Record<string, unknown>;
    const isWhole =
      typeof problem.type === 'string' && problem.status === answer.status && typeof problem.detail === 'string';
    // A stack trace, or a path of ours.
    if (!isWhole || /\bat \S+ \(|node_modules|\.[jt]s:\d+/.test(answer.text)) return `a problem like ${answer.text}`;
    return null;
  }

  /** RFC 6749, section 5.2, has a form of its own for what its one route refuses; before the route, all is a problem. */
  function isOAuthError({ method, path }: FuzzRequest, { status, contentType, text }: FuzzAnswer): boolean {
    if (`${method} ${path}` !== OAUTH_ROUTE || !contentType.startsWith('application/json')) return false;
    const { error, error_description: description, ...rest } = JSON.parse(text) as Record<string, unknown>;
    const expected = Object.entries(OAUTH_ERRORS).some(([code, its]) => code === error && its === status);
    return expected && /^[\x20-\x7e]+$/.test(String(description)) && Object.keys(rest).length === 0;
  }

  const keyFor = (route: string): string => (route.includes('/tenants') ? installation.posthaste.adminKey : tenant.key);

  const realIdFor = (route: string): string => (route.endsWith('/portal-links') ? tenant.id : endpointId);
  const bodyOf = (route: string): fc.Arbitrary<Buffer> =>
    route === OAUTH_ROUTE ? formFor(form) : bodyFor(GOOD[route] ?? { no: 'use' });

  async function fuzz(route: fc.Arbitrary<string>, runs: number): Promise<void> {
    const request = route.chain((name) => {
      const [method = '', template = ''] = name.split(' ');
      const takesBody = method === 'POST' || method === 'PATCH';
      return fc.record({
        method: fc.constant(method),
        // An id that is there now and then, so that what comes after the look-up is reached.
        path: fc
          .oneof({ weight: 2, arbitrary: fc.constant(realIdFor(name)) }, { weight: 1, arbitrary: rawId })
          .map((text) => template.replace('{id}', text)),
        headers: fc.tuple(headers, name === OAUTH_ROUTE ? formType : contentType).map(([given, type]) => ({
          ...given,
          'x-api-key': keyFor(name),
          ...(takesBody ? { 'content-type': type } : {}),
        })),
        body: takesBody ? bodyOf(name) : fc.constant(Buffer.alloc(0)),
      });
    });
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        const wrong = await problemWith(given);
        if (wrong !== null) throw new Error(wrong);
      }),
      { numRuns: runs, seed: SEED },
    );
  }

  it('has a good body to start from for each route that is there', () => {
    expect(Object.keys(GOOD).filter((route) => !routes.includes(route))).toEqual([]);
  });

  it('on publishing and on endpoints are answered without a 5xx or a hang, and refused as problems', async () => {
    await fuzz(fc.constantFrom(...FREQUENT), RUNS);
  });

  it('on any other route, too', async () => {
    await fuzz(
      fc.constantFrom(...routes.filter((route) => !FREQUENT.includes(route) && !/^DELETE .*tenants/.test(route))),
      RUNS,
    );
  });

  it('on access tokens and portal links, which answer in forms of their own', async () => {
    await fuzz(fc.constantFrom(OAUTH_ROUTE, 'POST /api/v1/tenants/{id}/portal-links'), RUNS / 3);
  });

  it('with any query are answered without a 5xx', async () => {
    const lists = routes.filter((route) => route.startsWith('GET') && !route.includes('{id}'));
    const names = [
      'limit',
      'cursor',
      'status',
      'event_id',
      'endpoint_id',
      'event_type',
      'after',
      'before',
      'window',
      '__proto__',
    ];
    const query = fc
      .array(fc.tuple(fc.constantFrom(...names), fc.oneof(oddText, fc.string({ unit: 'binary' }))), {
        maxLength: 4,
      })
      .map((pairs) => pairs.map(([name, text]) => `${name}=${encodeURIComponent(wellFormed(text))}`).join('&'));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...lists), query, async (route, text) => {
        const [method = '', path = ''] = route.split(' ');
        const wrong = await problemWith({
          method,
          path: `${path}?${text}`,
          headers: { 'x-api-key': keyFor(route) },
          body: Buffer.alloc(0),
        });
        if (wrong !== null) throw new Error(wrong);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('reached what lies behind the first refusal: all kinds of answers were seen', () => {
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([400, 404, 415, 422]));
    const accepted = [200, 201, 202, 204].reduce((sum, status) => sum + (statuses.get(status) ?? 0), 0);
    expect(accepted).toBeGreaterThan(RUNS / 10);
  });

  it('leave an installation behind that takes an event and delivers it', async () => {
    const { id } = await tenant.createEndpoint(installation.hooks.url('/after'));
    const event = await tenant.publish({ endpoint_ids: [id] });
    expect(await tenant.settled(event.id)).toMatchObject([{ status: 'succeeded' }]);
    expect(installation.hooks.at('/after')).toHaveLength(1);
  });
});

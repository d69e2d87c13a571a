import { randomUUID } from 'node:crypto';
import request, { type Response } from 'supertest';
import type { TenantClient } from '../support/api-client.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

const EVENT = { event_type: 'order.created', payload: { total: 1 } };
const API = '/api/v1';

function expectProblem(response: Response, status: number, code: string): void {
  expect(response.status).toBe(status);
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(response.body).toMatchObject({
    type: `urn:posthaste:problem:${code}`,
    status,
    title: expect.any(String) as string,
    detail: expect.any(String) as string,
    request_id: response.headers['x-request-id'],
  });
}

const fieldsOf = (response: Response): string[] =>
  (response.body as { errors: { field: string }[] }).errors.map(({ field }) => field).sort();

describe('the HTTP contract [postgres]', () => {
  const installation = useInstallation({ backend: 'postgres' });
  let acme: TenantClient;
  beforeAll(async () => {
    acme = await installation.posthaste.operator.createTenant();
  });
  const server = (): ReturnType<typeof request> => request(installation.posthaste.url);
  const post = (path: string, body: string | object | undefined, key = acme.key): request.Test =>
    server().post(`${API}${path}`).set('x-api-key', key).set('content-type', 'application/json').send(body);
  const get = (path: string, key = acme.key): request.Test => server().get(`${API}${path}`).set('x-api-key', key);

  describe('malformed requests', () => {
    it.each(['/events', '/events/batch', '/endpoints'])('answers 400 to JSON that is none: %s', async (path) => {
      expectProblem(await post(path, '{"url": '), 400, 'malformed_request');
    });

    it.each(['/events', '/endpoints'])('answers 400 to bytes that are no UTF-8: %s', async (path) => {
      const body = Buffer.from('{"event_type":"a","payload":"?","url":"?"}'.replaceAll('?', '\xff'), 'latin1');
      // As a string it would be encoded anew; the octets go as they are.
      const response = await server()
        .post(`${API}${path}`)
        .set('x-api-key', acme.key)
        .set('content-type', 'application/json')
        .serialize((bytes: unknown) => bytes as string)
        .send(body);
      expectProblem(response, 400, 'malformed_request');
      expect((response.body as { detail: string }).detail).toContain('UTF-8');
    });

    it('answers 400 to a repeated key of the request, but not of the payload', async () => {
      const twice = '{"event_type":"order.created","payload":1,"payload":2}';
      expectProblem(await post('/events', twice), 400, 'malformed_request');
      expect((await post('/events', '{"event_type":"order.created","payload":{"a":1,"a":2}}')).status).toBe(202);
    });

    it('answers 413 to a payload or a body that is too large', async () => {
      const large = { ...EVENT, payload: 'x'.repeat(256 * 1024 - 1) };
      expectProblem(await post('/events', large), 413, 'payload_too_large');
      expect((await post('/events', { ...EVENT, payload: 'x'.repeat(256 * 1024 - 2) })).status).toBe(202);
      expectProblem(await post('/events', { ...EVENT, payload: 'x'.repeat(1024 * 1024) }), 413, 'payload_too_large');
      expectProblem(await post('/endpoints', { url: 'x'.repeat(200 * 1024) }), 413, 'payload_too_large');
    });

    it('answers 415 to another content type', async () => {
      for (const path of ['/events', '/endpoints']) {
        const response = await server()
          .post(`${API}${path}`)
          .set('x-api-key', acme.key)
          .set('content-type', 'text/xml')
          .send('<event/>');
        expectProblem(response, 415, 'unsupported_media_type');
      }
    });

    it('answers 422 with the names of unknown and wrong fields', async () => {
      const event = await post('/events', {
        ...EVENT,
        event_type: 7,
        evnt_id: 'typo',
        source: {},
        endpoint_ids: 'all',
      });
      expectProblem(event, 422, 'validation_failed');
      expect(fieldsOf(event)).toEqual(['endpoint_ids', 'event_type', 'evnt_id', 'source']);

      const endpoint = await post('/endpoints', { url: 7, is_active: 'yes', timeout_ms: 1, rate_limt: 1 });
      expectProblem(endpoint, 422, 'validation_failed');
      expect(fieldsOf(endpoint)).toEqual(['is_active', 'rate_limt', 'timeout_ms', 'url']);
      expect(fieldsOf(await post('/endpoints', { url: 'http://10.0.0.1/' }))).toEqual(['url']);
    });

    it.each(['limit=0', 'limit=201', 'limit=ten', 'limit=', 'cursor=yesterday', 'limits=1', 'after=now'])(
      'answers 422 to a list with ?%s',
      async (query) => {
        const response = await get(`/events?${query}`);
        expectProblem(response, 422, 'validation_failed');
        expect(fieldsOf(response)).toEqual([query.split('=')[0]]);
      },
    );
  });

  describe('routes and ids', () => {
    it('answers 404 to a route that there is not, with and without a key', async () => {
      expectProblem(await get('/evnts'), 404, 'not_found');
      expectProblem(await server().get('/nowhere'), 404, 'not_found');
      expectProblem(await server().post(`${API}/tenants/x/y/z`).send({}), 404, 'not_found');
    });

    it.each(['events', 'deliveries', 'endpoints', 'dead-letters'])(
      'answers 404 to an unknown and to a malformed id of %s',
      async (list) => {
        for (const id of [randomUUID(), 'no-id', '%00', "'--", 'x'.repeat(300)]) {
          expectProblem(await get(`/${list}/${id}`), 404, 'not_found');
        }
      },
    );

    it('answers 405 with Allow to a method that a route does not know', async () => {
      const put = await server().put(`${API}/events`).set('x-api-key', acme.key).send({});
      expectProblem(put, 405, 'method_not_allowed');
      expect(put.headers.allow?.split(', ')).toEqual(expect.arrayContaining(['GET', 'POST']));
      const remove = await server().delete(`${API}/deliveries/${randomUUID()}`).set('x-api-key', acme.key);
      expectProblem(remove, 405, 'method_not_allowed');
      expect(remove.headers.allow).toContain('GET');
    });
  });

  describe('authentication', () => {
    it.each([
      ['no key', {}],
      ['an empty key', { 'x-api-key': '' }],
      ['a key with a typing error', { 'x-api-key': 'ph_0000' }],
      ['an unknown key', { 'x-api-key': `ph_${'0'.repeat(43)}1W43vm` }],
      ['a scheme that is none of ours', { authorization: 'Basic cGg6eA==' }],
      ['a bearer token that is none', { authorization: 'Bearer x.y.z' }],
    ])('answers 401 to %s', async (_name, headers) => {
      const response = await server().get(`${API}/events`).set(headers);
      expectProblem(response, 401, 'unauthorized');
      expect(response.headers['www-authenticate']).toContain('Bearer');
    });

    it('takes the key as X-API-Key or as a bearer token', async () => {
      expect((await get('/events')).status).toBe(200);
      const bearer = await server().get(`${API}/events`).set('authorization', `Bearer ${acme.key}`);
      expect(bearer.status).toBe(200);
    });

    it('refuses a key that is revoked, expired or lacks the scope', async () => {
      const revoked = await acme.post<{ id: string; key: string }>('/api-keys', { name: 'revoked' });
      expect((await get('/events', revoked.key)).status).toBe(200);
      await acme.delete(`/api-keys/${revoked.id}`);
      expectProblem(await get('/events', revoked.key), 401, 'unauthorized');

      const soon = new Date(Date.now() + 300).toISOString();
      const expiring = await acme.post<{ key: string }>('/api-keys', { name: 'expiring', expires_at: soon });
      await waitFor(async () => (await get('/events', expiring.key)).status === 401, { what: 'the key to expire' });

      const reader = await acme.post<{ key: string }>('/api-keys', { name: 'reader', scopes: ['events:read'] });
      expect((await get('/events', reader.key)).status).toBe(200);
      expectProblem(await post('/events', EVENT, reader.key), 403, 'missing_scope');
    });

    it('lets the operator act for a tenant that it names', async () => {
      const { adminKey, operator } = installation.posthaste;
      expectProblem(await get('/events', adminKey), 400, 'tenant_required');
      expectProblem(await get('/events', adminKey).set('x-tenant-id', randomUUID()), 404, 'not_found');
      const other = await operator.createTenant();
      const published = await post('/events', EVENT, adminKey).set('x-tenant-id', other.id);
      expect(published.status).toBe(202);
      expect(await other.list('/events')).toHaveLength(1);
    });
  });

  describe('rate limits', () => {
    it('answers 429 with Retry-After and the state of the bucket when it is empty', async () => {
      const limited = await installation.posthaste.operator.createTenant({ rate_limit: 60 });
      const first = await post('/events', EVENT, limited.key);
      expect(first.headers).toMatchObject({
        'ratelimit-policy': '"publish";q=60;w=60',
        ratelimit: '"publish";r=59;t=0',
      });

      const events = Array.from({ length: 70 }, () => EVENT);
      const batch = await post('/events/batch', { events }, limited.key);
      const { accepted, rejected, results } = batch.body as {
        accepted: number;
        rejected: number;
        results: { status: string; error?: { type: string } }[];
      };
      // A token comes back every second, and that is how far a slow run can be off.
      expect(accepted).toBeGreaterThanOrEqual(59);
      expect(accepted).toBeLessThan(70);
      expect(accepted + rejected).toBe(70);
      expect(results.map(({ status }) => status)).toEqual([
        ...Array<string>(accepted).fill('accepted'),
        ...Array<string>(rejected).fill('rejected'),
      ]);
      expect(results.at(-1)?.error?.type).toBe('urn:posthaste:problem:rate_limited');
      expect(batch.headers.ratelimit).toMatch(/^"publish";r=0;t=[12]$/);

      let refused = await post('/events', EVENT, limited.key);
      if (refused.status === 202) refused = await post('/events', EVENT, limited.key);
      expectProblem(refused, 429, 'rate_limited');
      expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(refused.headers['ratelimit-policy']).toBe('"publish";q=60;w=60');
    });

    it('has no limit and says nothing of one where the tenant has none', async () => {
      const unlimited = await installation.posthaste.operator.createTenant({ rate_limit: null });
      const response = await post('/events', EVENT, unlimited.key);
      expect(response.status).toBe(202);
      expect(response.headers).not.toHaveProperty('ratelimit');
    });
  });

  describe('tracing', () => {
    it('echoes a request id, or makes one where there is none that could be echoed', async () => {
      expect((await get('/events').set('x-request-id', 'req-7.a/b')).headers['x-request-id']).toBe('req-7.a/b');
      expect((await get('/evnts').set('x-request-id', 'req-8')).body).toMatchObject({ request_id: 'req-8' });
      for (const unusable of ['two words', 'x'.repeat(129)]) {
        const made = await get('/events').set('x-request-id', unusable);
        expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
      }
      expect((await get('/events')).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    });

    it('passes traceparent on to the receiver, and makes one where it is absent or none', async () => {
      const { hooks, posthaste } = installation;
      const traced = await posthaste.operator.createTenant();
      await traced.createEndpoint(hooks.url('/traced'));
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
      await traced.publish({}, { traceparent });
      const [hook] = await hooks.waitForRequests('/traced', 1);
      expect(hook?.headers.traceparent).toBe(traceparent);

      await traced.publish({}, { traceparent: '00-0-0-zz' });
      const made = (await hooks.waitForRequests('/traced', 2))[1]?.headers.traceparent;
      expect(made).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00$/);
    });
  });

  describe('pages and documents for people and machines', () => {
    it('lists newest first, and pages stay as they were while events arrive', async () => {
      const paged = await installation.posthaste.operator.createTenant();
      const ids: string[] = [];
      for (let n = 0; n < 7; n++) ids.push((await paged.publish()).id);
      const newestFirst = [...ids].reverse();
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const path: string = `/events?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`;
        const page = (await get(path, paged.key)).body as { data: { id: string }[]; next_cursor: string | null };
        expect(page.data.length).toBeLessThanOrEqual(3);
        seen.push(...page.data.map(({ id }) => id));
        cursor = page.next_cursor;
        await paged.publish();
      }
      expect(seen).toEqual(newestFirst);
      expect(await paged.list('/events', 2)).toHaveLength(10);
    });

    it('serves Swagger UI and an OpenAPI 3.1 document whose operations have names of their own', async () => {
      const page = await server().get('/docs').redirects(1);
      expect(page.status).toBe(200);
      expect(page.text).toContain('swagger');
      const { body } = (await server().get('/docs-json').expect(200)) as {
        body: { openapi: string; paths: Record<string, Record<string, { operationId: string }>> };
      };
      expect(body.openapi).toMatch(/^3\.1\./);
      const names = Object.values(body.paths).flatMap((path) =>
        Object.values(path).map(({ operationId }) => operationId),
      );
      expect(names).toContain('publishEvent');
      expect(new Set(names).size).toBe(names.length);
    });

    it('opens metrics and queues to the operator alone, by header or as a basic password', async () => {
      const { adminKey } = installation.posthaste;
      for (const path of ['/metrics', '/queues']) {
        const closed = await server().get(path);
        expectProblem(closed, 401, 'unauthorized');
        expect(closed.headers['www-authenticate']).toContain('Basic');
        expectProblem(await server().get(path).set('x-api-key', acme.key), 401, 'unauthorized');
        expect((await server().get(path).set('x-api-key', adminKey)).status).toBe(200);
        expect((await server().get(path).auth('operator', adminKey)).status).toBe(200);
        expectProblem(await server().get(path).auth('operator', `${adminKey}x`), 401, 'unauthorized');
      }
      const { text } = await server().get('/metrics').set('x-api-key', adminKey);
      expect(text).toMatch(/^webhook_events_published_total\{outcome="accepted"\} [1-9]/m);
      expect((await server().get('/queues/api/queues').set('x-api-key', adminKey)).body).toMatchObject({
        queues: expect.arrayContaining([expect.objectContaining({ name: 'deliveries' })]) as unknown[],
      });
      expectProblem(await server().get('/queues/api/queues'), 401, 'unauthorized');
    });

    it('is live and ready, and so is its worker', async () => {
      const { posthaste } = installation;
      for (const url of [posthaste.url, posthaste.workers[0]?.url ?? '']) {
        expect((await request(url).get('/health/live')).body).toEqual({ status: 'live' });
        expect(await request(url).get('/health/ready')).toMatchObject({
          status: 200,
          body: { status: 'ready', checks: { postgres: 'up', migrations: 'up', redis: 'off' } },
        });
      }
    });
  });
});

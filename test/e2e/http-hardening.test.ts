import { createHmac, randomUUID } from 'node:crypto';
import request, { type Response } from 'supertest';
import type { TenantClient } from '../support/api-client.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';
import { exchange } from '../support/raw-client.js';

const API = '/api/v1';
const EVENT = '{"event_type":"order.created","payload":{"total":1.50}}';

function expectProblem({ status, headers, body }: Response, expected: number, code: string): void {
  expect({ status, body: body as unknown }).toMatchObject({
    status: expected,
    body: { type: `urn:posthaste:problem:${code}`, status: expected, request_id: headers['x-request-id'] },
  });
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
}

describe('the walls around HTTP [postgres]', () => {
  const installation = useInstallation({
    backend: 'postgres',
    env: { IP_RATE_LIMIT: '100000', AUTH_FAILURE_LIMIT: '100000' },
  });
  let acme: TenantClient;
  beforeAll(async () => {
    acme = await installation.posthaste.operator.createTenant();
  });
  const server = (): ReturnType<typeof request> => request(installation.posthaste.url);

  describe('payloads made to harm', () => {
    it.each([
      '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}',
      '{"a":1,"a":2,"__proto__":null,"__proto__":[]}',
      '{"toString":1,"hasOwnProperty":"x","then":{"then":1}}',
      '[{"__proto__":{"payload":7}},{"constructor":1.0}]',
      `${'['.repeat(512)}${']'.repeat(512)}`,
    ])('arrive as they were sent and change nothing (case %#)', async (payload) => {
      const { hooks } = installation;
      const path = `/${randomUUID()}`;
      const endpoint = await acme.createEndpoint(hooks.url(path), { format: 'payload' });
      const body = `{"event_type":"harm.done","payload":${payload},"endpoint_ids":["${endpoint.id}"]}`;
      const single = await acme.post<{ id: string }>('/events', body);
      await acme.post('/events/batch', `{"events":[${body}]}`);
      const received = await hooks.waitForRequests(path, 2);
      expect(received.map((hook) => hook.body.toString())).toEqual([payload, payload]);
      const shown = await acme.call('GET', `/events/${single.id}`);
      expect(shown.text).toContain(payload);
      expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
      expect((await acme.call('GET', '/endpoints')).text).not.toContain('isAdmin');
    });

    it('are refused one by one when they nest too deeply', async () => {
      const deep = `{"event_type":"harm.done","payload":${'['.repeat(513)}${']'.repeat(513)}}`;
      expectProblem(
        await server().post(`${API}/events`).set('x-api-key', acme.key).type('json').send(deep),
        422,
        'validation_failed',
      );
      const batch = await acme.post<{ results: { status: string }[] }>(
        '/events/batch',
        `{"events":[${EVENT},${deep},${EVENT}]}`,
      );
      expect(batch.results.map(({ status }) => status)).toEqual(['accepted', 'rejected', 'accepted']);
    });
  });

  describe('a tenant that signs what it publishes', () => {
    const sign = (body: string, secret: string): string =>
      `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const post = (tenant: TenantClient, body: string, signature?: string, path = '/events'): request.Test => {
      const test = server().post(`${API}${path}`).set('x-api-key', tenant.key).set('content-type', 'application/json');
      return (signature === undefined ? test : test.set('x-signature', signature)).send(body);
    };

    it('gets in with the right signature alone, in a batch too', async () => {
      const { operator, adminKey } = installation.posthaste;
      const signer = await operator.createTenant({ require_signed_publish: true });
      expect(await operator.get(`/tenants/${signer.id}`)).toMatchObject({ require_signed_publish: true });
      const right = sign(EVENT, signer.secretKey);
      expect((await post(signer, EVENT, right)).status).toBe(202);
      expect((await post(signer, EVENT, right.toUpperCase().replace('SHA256', 'sha256'))).status).toBe(202);
      const batch = `{"events":[${EVENT}]}`;
      expect((await post(signer, batch, sign(batch, signer.secretKey), '/events/batch')).status).toBe(202);

      expectProblem(await post(signer, EVENT), 401, 'signature_required');
      expectProblem(await post(signer, batch, undefined, '/events/batch'), 401, 'signature_required');
      const wrong = [
        ...['', 'sha256=', 'x', right.slice(0, -1), `${right}0`, right.slice(7), right.replace('sha256', 'sha1')],
        ...[sign(`${EVENT} `, signer.secretKey), sign(EVENT, acme.secretKey), `${right}, ${right}`],
      ];
      for (const signature of wrong) {
        expectProblem(
          await post(signer, EVENT, signature),
          401,
          signature === '' ? 'signature_required' : 'invalid_signature',
        );
      }
      // The bytes count, not what they mean, and not only JSON.
      expectProblem(await post(signer, EVENT.replace('1.50', '1.5'), right), 401, 'invalid_signature');
      expectProblem(await post(signer, 'no JSON', right), 401, 'invalid_signature');
      expectProblem(
        await post(signer, EVENT).set('x-api-key', adminKey).set('x-tenant-id', signer.id),
        401,
        'signature_required',
      );
      expect(await signer.list('/events')).toHaveLength(3);
    });

    it('is made one by the operator at any time, and no other is asked for a signature', async () => {
      const { operator } = installation.posthaste;
      expect((await post(acme, EVENT)).status).toBe(202);
      expect((await post(acme, EVENT, 'sha256=nonsense')).status).toBe(202);
      const tenant = await operator.createTenant();
      expect((await post(tenant, EVENT)).status).toBe(202);
      await operator.patch(`/tenants/${tenant.id}`, { require_signed_publish: true });
      expectProblem(await post(tenant, EVENT), 401, 'signature_required');
      await operator.patch(`/tenants/${tenant.id}`, { require_signed_publish: false });
      expect((await post(tenant, EVENT)).status).toBe(202);
      for (const bad of [null, 'yes', 1]) {
        const { status } = await operator.call('PATCH', `/tenants/${tenant.id}`, {
          body: { require_signed_publish: bad },
        });
        expect(status).toBe(422);
      }
    });
  });

  describe("the operator's pages", () => {
    const VARIANTS = [
      '/metrics',
      '/queues',
      '/queues/',
      '/queues/api/queues',
      '/queues/static/',
      '/metrics/',
      '/METRICS',
      '/Queues',
    ]
      .concat([
        '//metrics',
        '//queues',
        '/./metrics',
        '/x/../metrics',
        '/%6detrics',
        '/metrics%2f',
        '/%2fmetrics',
        '/%2e/queues',
      ])
      .concat([
        '/metrics;x',
        '/metrics?x=1',
        '/metrics%00',
        '/queues%2fapi%2fqueues',
        '/queues/..;/metrics',
        '/api/v1/metrics',
      ]);

    it.each(VARIANTS)('show nothing without the key at %s, by whatever method', async (path) => {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'DELETE']) {
        const lines = `${method} ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${acme.key}\r\nconnection: close\r\n\r\n`;
        const { status, body } = await exchange(installation.posthaste.url, lines);
        expect([400, 401, 404, 405]).toContain(status);
        expect(body).not.toMatch(/webhook_|process_cpu|deliveries|<html/i);
      }
    });

    it('run in a browser under a policy that lets no script of others in', async () => {
      const { adminKey } = installation.posthaste;
      for (const path of ['/queues', '/docs/']) {
        const page = await server().get(path).set('x-api-key', adminKey).redirects(1);
        expect(page.status).toBe(200);
        const policy = page.headers['content-security-policy'] ?? '';
        expect(policy).toContain("default-src 'self'");
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).not.toMatch(/script-src|unsafe-eval/);
        const scripts = [...page.text.matchAll(/<script\b([^>]*)>([^<]*)/g)];
        expect(scripts.length).toBeGreaterThan(0);
        for (const [, attributes = '', content = ''] of scripts) {
          // One that is data does not run, and all others come from files of ours.
          if (/type="application\/json"/.test(attributes)) continue;
          expect(content.trim()).toBe('');
          expect(/src=["']?([^"'\s>]+)/.exec(attributes)?.[1]).not.toMatch(/^(https?:)?\/\//);
        }
        expect(page.text).not.toMatch(/\son[a-z]+=["']/);
      }
    });
  });

  describe('what an answer or a log line gives away', () => {
    it('is no stack and no SQL when we fail, but a request id that the log has too', async () => {
      const { posthaste } = installation;
      const api = await posthaste.startApi();
      await posthaste.query('ALTER TABLE endpoints RENAME TO endpoints_away');
      try {
        const answer = await request(api.url)
          .get(`${API}/endpoints`)
          .set('x-api-key', acme.key)
          .set('x-request-id', 'failing-7');
        expectProblem(answer, 500, 'internal_error');
        expect(answer.headers['x-request-id']).toBe('failing-7');
        expect(JSON.stringify({ ...answer.headers, text: answer.text })).not.toMatch(
          /select|endpoints_away|relation|\.js|at /i,
        );
      } finally {
        await posthaste.query('ALTER TABLE endpoints_away RENAME TO endpoints');
      }
      await waitFor(() => api.logs().includes('failing-7'), { what: 'the log line' });
      // What this test has broken is no fault of the run.
      await api.stop();
      posthaste.apis.splice(posthaste.apis.indexOf(api), 1);
    });

    it('is one line whatever a header holds', async () => {
      const { posthaste } = installation;
      const hostile = '{"level":60,"msg":"forged"}';
      for (const id of [hostile, `a\tb`, '\x1b[2J', 'é', 'a b', "';--"]) {
        const lines = `GET ${API}/endpoints HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\nuser-agent: ${id}\r\nx-api-key: ${id}\r\nconnection: close\r\n\r\n`;
        const { status, headers } = await exchange(posthaste.url, Buffer.from(lines, 'latin1'));
        expect([400, 401]).toContain(status);
        expect(headers['x-request-id']).toMatch(/^[\x21-\x7e]{1,128}$/);
      }
      const split = `GET / HTTP/1.1\r\nhost: x\r\nx-request-id: a\r\n injected: b\r\n\r\n`;
      expect((await exchange(posthaste.url, split)).headers).not.toHaveProperty('injected');
      for (const line of posthaste
        .logs()
        .split('\n')
        .filter((text) => text.trim() !== '')) {
        expect(line).not.toMatch(/^\{"level":60,"msg":"forged"/);
      }
    });
  });

  describe('the metrics of requests', () => {
    it('count each answer by method, pattern and status, and never by what a caller makes up', async () => {
      const { operator, adminKey } = installation.posthaste;
      const tenant = await operator.createTenant();
      await tenant.publish();
      for (let n = 0; n < 3; n++) await tenant.call('GET', `/events/${randomUUID()}`);
      await server().get(`/${randomUUID()}`);
      await server().get(`${API}/endpoints`);
      const read = async (): Promise<string> => (await server().get('/metrics').set('x-api-key', adminKey)).text;
      await waitFor(async () => /route="none"/.test(await read()), { what: 'the counts' });
      const text = await read();
      for (const line of [
        /^webhook_http_requests_total\{method="POST",route="\/api\/v1\/events",status="202"\} [1-9]/m,
        /^webhook_http_requests_total\{method="GET",route="\/api\/v1\/events\/:id",status="404"\} [3-9]/m,
        /^webhook_http_requests_total\{method="GET",route="\/api\/v1\/endpoints",status="401"\} [1-9]/m,
        /^webhook_http_requests_total\{method="GET",route="none",status="404"\} [1-9]/m,
        /^webhook_http_request_duration_seconds_bucket\{le="10",method="POST",route="\/api\/v1\/events"\} [1-9]/m,
      ]) {
        expect(text).toMatch(line);
      }
      expect(text).not.toMatch(/route="[^"]*[0-9a-f]{8}-/);
    });
  });
});

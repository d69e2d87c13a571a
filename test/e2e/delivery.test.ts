import { createHmac, createPublicKey, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { startReceiver } from '../../demo/receiver.js';
import { describeBackends } from '../support/backends.js';
import type { ReceivedHook } from '../support/hook-server.js';
import { useInstallation } from '../support/installation.js';
import { freePort } from '../support/processes.js';

const only = <T>(items: readonly T[]): T => {
  expect(items).toHaveLength(1);
  return items[0] as T;
};
const textHeaders = (hook: ReceivedHook): Record<string, string> => hook.headers as Record<string, string>;

describeBackends('delivery', (backend) => {
  const installation = useInstallation({ backend });

  it('delivers an event exactly once to each active endpoint that wants its type', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const other = await posthaste.operator.createTenant({ name: 'Other' });
    await other.createEndpoint(hooks.url('/fan-out/other-tenant'));
    const wanted = {
      exact: { event_types: ['order.created'] },
      prefix: { event_types: ['invoice.paid', 'order.*'] },
      all: {},
      'other-type': { event_types: ['order.created.late', 'orders.*', 'order'] },
      inactive: { is_active: false },
    };
    for (const [name, settings] of Object.entries(wanted))
      await acme.createEndpoint(hooks.url(`/fan-out/${name}`), settings);

    const event = await acme.publish({ event_type: 'order.created' });
    expect(event.deliveries).toBe(3);
    const deliveries = await acme.settled(event.id);

    expect(deliveries.map(({ status, attempts }) => ({ status, attempts }))).toEqual(
      Array(3).fill({ status: 'succeeded', attempts: 1 }),
    );
    const received = hooks.received.filter(({ path }) => path.startsWith('/fan-out/'));
    expect(received.map(({ path }) => path).sort()).toEqual(['/fan-out/all', '/fan-out/exact', '/fan-out/prefix']);
    expect(new Set(received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([event.id]));
  });

  it('keeps an event that no endpoint wants', async () => {
    const { operator } = installation.posthaste;
    const acme = await operator.createTenant();
    const event = await acme.publish({ payload: { kept: true } });
    expect(event.deliveries).toBe(0);
    expect(await acme.get(`/events/${event.id}`)).toMatchObject({ payload: { kept: true }, deliveries: [] });
  });

  it('signs with the secret shown, so that the standardwebhooks package verifies the delivery', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const { secret } = await acme.createEndpoint(hooks.url('/signed'));
    await acme.publish({ payload: { total: '19.90' } });
    const hook = only(await hooks.waitForRequests('/signed', 1));

    const webhook = new Webhook(secret ?? '');
    expect(webhook.verify(hook.body, textHeaders(hook))).toMatchObject({
      type: 'order.created',
      data: { total: '19.90' },
    });
    const tampered = Buffer.from(hook.body.toString().replace('19.90', '19.91'));
    expect(() => webhook.verify(tampered, textHeaders(hook))).toThrow('No matching signature found');
  });

  it('signs with the old and the new secret while a rotation overlaps', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const endpoint = await acme.createEndpoint(hooks.url('/rotated'));
    const rotated = await acme.post<{ secret: string }>(`/endpoints/${endpoint.id}/secret/rotate`, {
      overlap_seconds: 60,
    });
    await acme.publish();
    const hook = only(await hooks.waitForRequests('/rotated', 1));

    for (const secret of [endpoint.secret, rotated.secret]) {
      expect(new Webhook(secret ?? '').verify(hook.body, textHeaders(hook))).toMatchObject({ type: 'order.created' });
    }
  });

  it("signs a sha256 endpoint without a secret of its own with the tenant's secret_key", async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const endpoint = await acme.createEndpoint(hooks.url('/sha256'), { signature: 'sha256', format: 'payload' });
    expect(endpoint.secret).toBeNull();
    await acme.publish({ payload: { total: 1 } });
    const hook = only(await hooks.waitForRequests('/sha256', 1));

    const expected = createHmac('sha256', acme.secretKey).update(hook.body).digest('hex');
    expect(hook.headers['x-webhook-signature']).toBe(`sha256=${expected}`);
  });

  it('signs a standard-ed25519 endpoint so that its public key verifies', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const endpoint = await acme.createEndpoint(hooks.url('/ed25519'), { signature: 'standard-ed25519' });
    const { public_key } = await acme.get<{ public_key: string }>(`/endpoints/${endpoint.id}/secret`);
    await acme.publish();
    const { headers, body } = only(await hooks.waitForRequests('/ed25519', 1));

    const raw = Buffer.from(public_key.replace(/^whpk_/, ''), 'base64');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
    const signed = Buffer.concat([
      Buffer.from(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.`),
      body,
    ]);
    const [version, signature = ''] = String(headers['webhook-signature']).split(',');
    expect(version).toBe('v1a');
    expect(verify(null, signed, key, Buffer.from(signature, 'base64'))).toBe(true);
  });

  it("satisfies the demo receiver's own check of all three schemes", async () => {
    const { posthaste } = installation;
    const acme = await posthaste.operator.createTenant();
    const secrets: string[] = [acme.secretKey];
    const receiver = await startReceiver({ port: await freePort(), quiet: true, secret: '' });
    try {
      const standard = await acme.createEndpoint(`${receiver.url}/ok?standard`);
      const ed25519 = await acme.createEndpoint(`${receiver.url}/ok?ed25519`, { signature: 'standard-ed25519' });
      await acme.createEndpoint(`${receiver.url}/ok?sha256`, { signature: 'sha256' });
      const { public_key } = await acme.get<{ public_key: string }>(`/endpoints/${ed25519.id}/secret`);
      secrets.push(standard.secret ?? '', public_key);
    } finally {
      await receiver.close();
    }
    // The secrets are known only now, and a receiver is given them at its start.
    const verifying = await startReceiver({ port: receiver.port, quiet: true, secret: secrets.join(',') });
    try {
      const event = await acme.publish();
      await acme.settled(event.id);
      expect(verifying.received.map(({ path, signature }) => [path, signature]).sort()).toEqual([
        ['/ok?ed25519', 'valid'],
        ['/ok?sha256', 'valid'],
        ['/ok?standard', 'valid'],
      ]);
    } finally {
      await verifying.close();
    }
  });

  it('sends an envelope without spaces around the payload, or the payload alone', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    await acme.createEndpoint(hooks.url('/format/envelope'));
    await acme.createEndpoint(hooks.url('/format/payload'), { format: 'payload' });
    const body = '{"event_type":"order.created","source":"shop \\"1\\"","payload":{ "total": 1.0 }}';
    const { body: event } = await acme.call<{ id: string; created_at: string }>('POST', '/events', { body });
    const sourceless = await acme.publish({ payload: null });
    await Promise.all([acme.settled(event.id), acme.settled(sourceless.id)]);

    const bodyOf = (path: string, id: string): string =>
      only(hooks.at(path).filter(({ headers }) => headers['webhook-id'] === id)).body.toString();
    expect(bodyOf('/format/envelope', event.id)).toBe(
      `{"id":"${event.id}","type":"order.created","source":"shop \\"1\\"","timestamp":"${event.created_at}","data":{ "total": 1.0 }}`,
    );
    expect(bodyOf('/format/envelope', sourceless.id)).toBe(
      `{"id":"${sourceless.id}","type":"order.created","timestamp":"${sourceless.created_at}","data":null}`,
    );
    expect(bodyOf('/format/payload', event.id)).toBe('{ "total": 1.0 }');
    expect(bodyOf('/format/payload', sourceless.id)).toBe('null');
  });

  it("sends the endpoint's own headers and masks their values wherever they are shown", async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const headers = { Authorization: 'Bearer s3cr3t-of-the-receiver', 'X-Region': 'eu-west-9' };
    const endpoint = await acme.createEndpoint(hooks.url('/own-headers'), { headers });
    const event = await acme.publish();
    const delivery = only(await acme.settled(event.id));
    const hook = only(hooks.at('/own-headers'));
    expect(hook.headers).toMatchObject({ authorization: headers.Authorization, 'x-region': headers['X-Region'] });

    expect(endpoint.headers).toEqual({ Authorization: '***', 'X-Region': '***' });
    const attempt = only(await acme.attemptsOf(delivery.id));
    expect(attempt.request.headers).toMatchObject({ authorization: '***', 'x-region': '***' });
  });

  it('records an attempt completely, with the first 16 KiB of a long response', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    hooks.respond('/recorded', () => ({
      status: 503,
      headers: { 'x-answered-by': 'node 7', 'content-type': 'text/plain' },
      body: 'é'.repeat(10_000),
    }));
    await acme.createEndpoint(hooks.url('/recorded'), { retry_policy: { max_attempts: 1, schedule_seconds: [0] } });
    const event = await acme.publish({ payload: { total: 1 } });
    const delivery = only(await acme.settled(event.id));
    const hook = only(hooks.at('/recorded'));
    const attempt = only(await acme.attemptsOf(delivery.id));

    expect(attempt).toMatchObject({
      delivery_id: delivery.id,
      attempt: 1,
      outcome: 'failed',
      status_code: 503,
      error: 'HTTP 503',
      request: { url: hooks.url('/recorded'), body: hook.body.toString() },
      response: { headers: { 'x-answered-by': 'node 7' }, body: 'é'.repeat(8_192), truncated: true },
    });
    const { host: _host, connection: _connection, 'content-length': _length, ...sent } = textHeaders(hook);
    expect(attempt.request.headers).toEqual(sent);
    expect(sent).toMatchObject({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^Posthaste\/\d/) as string,
      'webhook-id': event.id,
      'webhook-event-type': 'order.created',
      'webhook-attempt': '1',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/) as string,
    });
    expect(attempt.duration_ms).toBeGreaterThanOrEqual(0);
    expect(Date.parse(attempt.created_at)).toBeGreaterThanOrEqual(Date.parse(event.created_at));
    expect(delivery).toMatchObject({ status: 'dead_letter', last_status_code: 503, last_error: 'HTTP 503' });
  });

  it('records an attempt that met no receiver', async () => {
    const { posthaste } = installation;
    const acme = await posthaste.operator.createTenant();
    const retry_policy = { max_attempts: 1, schedule_seconds: [0] };
    await acme.createEndpoint(`http://127.0.0.1:${await freePort()}/`, { retry_policy });
    const delivery = only(await acme.settled((await acme.publish()).id));
    expect(only(await acme.attemptsOf(delivery.id))).toMatchObject({
      outcome: 'failed',
      status_code: null,
      error: 'connection refused',
      response: { headers: {}, body: null, truncated: false },
    });
  });

  it('tests an endpoint without storing anything', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const endpoint = await acme.createEndpoint(hooks.url('/tested'));
    const attempt = await acme.post(`/endpoints/${endpoint.id}/test`);
    expect(attempt).toMatchObject({ outcome: 'succeeded', status_code: 200, response: { body: 'ok' } });
    const hook = only(hooks.at('/tested'));
    expect(new Webhook(endpoint.secret ?? '').verify(hook.body, textHeaders(hook))).toMatchObject({
      type: 'posthaste.test',
    });
    expect(await acme.list('/events')).toEqual([]);
    expect(await acme.list('/deliveries')).toEqual([]);
  });
});

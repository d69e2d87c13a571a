import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { ApiApp, type TestTenant } from '../support/api-app.js';

let api: ApiApp;
let tenant: TestTenant;
beforeAll(async () => {
  api = await ApiApp.start({ config: { allowedPrivateCidrs: ['127.0.0.0/8'] } });
});
beforeEach(async () => {
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const create = async (body: object = {}): Promise<{ id: string; secret: string | null }> => {
  const endpoint = { url: 'https://hooks.example.com/orders', ...body };
  return (await tenant.call<{ id: string; secret: string | null }>('POST', '/endpoints', endpoint)).body;
};

describe('testing an endpoint', () => {
  interface AttemptBody {
    outcome: string;
    status_code: number | null;
    error: string | null;
    request: { headers: Record<string, string>; body: string };
    response: { headers: Record<string, string>; body: string | null; truncated: boolean };
  }
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(request.url === '/fail' ? 500 : 200).end('thanks');
    });
  });
  let origin: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  });
  beforeEach(() => received.splice(0));
  afterAll(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const test = (id: string) => tenant.call<AttemptBody>('POST', `/endpoints/${id}/test`);

  it('sends a signed sample with the endpoint’s headers and answers the attempt, stored nowhere', async () => {
    const { id, secret } = await create({ url: `${origin}/ok`, headers: { 'X-Token': 's3cr3t' }, is_active: false });
    const { status, body, text } = await test(id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ attempt: 1, outcome: 'succeeded', status_code: 200, error: null });
    expect(body.response).toMatchObject({ body: 'thanks', truncated: false });
    expect(body.request.headers).toMatchObject({ 'x-token': '***', 'webhook-event-type': 'posthaste.test' });
    expect(text).not.toContain('s3cr3t');
    const [request] = received;
    expect(request?.headers['x-token']).toBe('s3cr3t');
    expect(request?.body).toBe(body.request.body);
    const verified = new Webhook(String(secret)).verify(
      String(request?.body),
      request?.headers as Record<string, string>,
    );
    expect(verified).toMatchObject({ type: 'posthaste.test', data: { message: expect.any(String) as string } });
    const stored = ['events', 'delivery_attempts']
      .map((table) => `SELECT FROM ${table} WHERE tenant_id = $1`)
      .join(' UNION ALL ');
    expect(await api.db.query(stored, [tenant.id])).toEqual([]);
  });

  it("signs with the tenant's secret key where the endpoint has none", async () => {
    const { id } = await create({ url: `${origin}/ok`, signature: 'sha256', format: 'payload' });
    await test(id);
    const [request] = received;
    const expected = createHmac('sha256', tenant.secretKey).update(String(request?.body)).digest('hex');
    expect(request?.headers['x-webhook-signature']).toBe(`sha256=${expected}`);
  });

  it('signs with old and new secret during a rotation', async () => {
    const { id, secret } = await create({ url: `${origin}/ok` });
    await tenant.call('POST', `/endpoints/${id}/secret/rotate`);
    await test(id);
    const [request] = received;
    expect(String(request?.headers['webhook-signature']).split(' ')).toHaveLength(2);
    new Webhook(String(secret)).verify(String(request?.body), request?.headers as Record<string, string>);
  });

  it('answers 200 with a failed attempt when the endpoint fails or its address is refused', async () => {
    const failing = await create({ url: `${origin}/fail` });
    expect(await test(failing.id)).toMatchObject({
      status: 200,
      body: { outcome: 'failed', status_code: 500, error: 'HTTP 500' },
    });
    const refused = await create();
    await api.db.query(`UPDATE endpoints SET url = 'http://10.1.2.3/' WHERE id = $1`, [refused.id]);
    expect(await test(refused.id)).toMatchObject({
      status: 200,
      body: { outcome: 'failed', status_code: null, error: 'address refused', response: { headers: {}, body: null } },
    });
  });
});

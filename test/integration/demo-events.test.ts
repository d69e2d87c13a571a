import { freePort } from '../../src/embedded/port-check.js';
import { ApiModule } from '../../src/api.module.js';
import { ApiApp, OPERATOR_KEY } from '../support/api-app.js';
import { waitFor } from '../support/processes.js';

interface Demo {
  tenant_id: string;
  until: string;
}
interface List {
  data: { id: string; url: string; event_type: string }[];
}

describe('demo events', () => {
  let api: ApiApp;
  let url: string;
  const start = async (port: number, serveDemo: boolean): Promise<void> => {
    const config = { port, serveDemo, allowedPrivateCidrs: ['127.0.0.0/8'] };
    api = await ApiApp.start({ module: ApiModule, config });
    await api.app.listen({ host: '127.0.0.1', port });
    url = `http://127.0.0.1:${port}`;
  };
  afterEach(() => api.close());
  const receive = (kind: string, attempt = 1): Promise<Response> =>
    fetch(`${url}/demo/receiver/${kind}`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', 'webhook-attempt': String(attempt) },
    });
  const listOf = async (tenantId: string, what: string): Promise<List['data']> =>
    (await api.call<List>('GET', `/${what}?limit=200`, { headers: { 'x-tenant-id': tenantId } })).body.data;

  it('go to endpoints of each kind, of one tenant however often they are asked for', async () => {
    await start(await freePort(), true);
    const answers = await Promise.all([1, 2, 3].map(() => api.call<Demo>('POST', '/demo')));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    const { tenant_id: tenantId } = answers[0]?.body as Demo;
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect((await api.call<List>('GET', '/tenants')).body.data.map(({ id }) => id)).toEqual([tenantId]);
    const endpoints = await listOf(tenantId, 'endpoints');
    expect(endpoints.map((endpoint) => endpoint.url.split('/').at(-1)).sort()).toEqual([
      'failing',
      'flaky',
      'good',
      'slow',
    ]);
    await waitFor(async () => (await listOf(tenantId, 'events')).length >= 5, { what: 'events to be posted' });
    const types = (await listOf(tenantId, 'events')).map(({ event_type }) => event_type);
    expect(types).toEqual(expect.arrayContaining(['invoice.sent', 'order.created', 'customer.updated']));
  });

  it('reach a receiver that does what its kind says', async () => {
    await start(await freePort(), true);
    expect((await receive('good')).status).toBe(200);
    expect((await receive('failing')).status).toBe(500);
    expect((await receive('flaky', 3)).status).toBe(200);
    expect((await receive('nothing')).status).toBe(404);
  });

  it('are there only where it was opened, and only for the operator', async () => {
    await start(await freePort(), false);
    expect((await api.call('POST', '/demo', { key: OPERATOR_KEY })).status).toBe(404);
    expect((await api.call('POST', '/demo', { key: null })).status).toBe(401);
    expect((await receive('good')).status).toBe(404);
  });
});

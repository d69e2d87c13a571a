import { randomUUID } from 'node:crypto';
import { newId, timestampOf } from '../../src/common/ids.js';
import { ApiApp, refusedFields, type TestTenant } from '../support/api-app.js';
import { seedDelivery, seedEvent } from '../support/seed.js';

interface DeliveryOfEvent {
  id: string;
  endpoint_id: string;
  status: string;
  attempts: number;
}
interface EventBody {
  id: string;
  deliveries: DeliveryOfEvent[];
  [field: string]: unknown;
}

let api: ApiApp;
let tenant: TestTenant;
beforeAll(async () => {
  api = await ApiApp.start();
});
beforeEach(async () => {
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const createEndpoint = async (body: object = {}): Promise<string> =>
  (await tenant.call<{ id: string }>('POST', '/endpoints', { url: 'https://hooks.example.com/', ...body })).body.id;
const get = (id: string) => tenant.call<EventBody>('GET', `/events/${encodeURIComponent(id)}`);
const list = async (query = ''): Promise<string[]> =>
  (await tenant.call<{ data: EventBody[] }>('GET', `/events?${query}`)).body.data.map((event) => event.id);
const replay = (id: string, body?: object) =>
  tenant.call<EventBody>('POST', `/events/${encodeURIComponent(id)}/replay`, body);

describe('reading an event', () => {
  it.each([
    '{"b":1.0, "a" : 12345678901234567890,"s":"\\u00e9\\u0000","__proto__":{"x":1e2}}',
    'null',
    '  "text"'.trim(),
    '[1,  2]',
    '"\u{1f600} \u2028"',
  ])('shows the payload %s byte for byte', async (payload) => {
    const event = await seedEvent(api.db, tenant.id, { payload, source: 'shop', eventId: `own-${randomUUID()}` });
    const answer = await get(event.id);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.text.endsWith(`"payload":${payload}}`)).toBe(true);
    expect(answer.body).toEqual({
      id: event.id,
      event_id: event.eventId,
      event_type: 'order.created',
      source: 'shop',
      created_at: event.createdAt.toISOString(),
      deliveries: [],
      payload: JSON.parse(payload) as unknown,
    });
  });

  it("shows each delivery's status", async () => {
    const endpointId = await createEndpoint();
    const event = await seedEvent(api.db, tenant.id);
    const first = await seedDelivery(api.db, event, endpointId, { status: 'succeeded', attempts: 2 });
    const second = await seedDelivery(api.db, event, endpointId);
    expect((await get(event.id)).body.deliveries).toEqual([
      { id: first.id, endpoint_id: endpointId, status: 'succeeded', attempts: 2 },
      { id: second.id, endpoint_id: endpointId, status: 'pending', attempts: 0 },
    ]);
  });

  it.each(['order 7/created', 'Bestellung ü 😀', 'x'.repeat(255), 'batch', randomUUID()])(
    "finds it by the tenant's own event_id %s, the latest of several",
    async (eventId) => {
      await seedEvent(api.db, tenant.id, { eventId });
      const latest = await seedEvent(api.db, tenant.id, { eventId });
      expect((await get(eventId)).body.id).toBe(latest.id);
    },
  );

  it("knows no unknown id, no unprintable one, nor another tenant's", async () => {
    const stranger = await api.createTenant();
    const theirs = await seedEvent(api.db, stranger.id, { eventId: 'theirs' });
    for (const id of [theirs.id, 'theirs', randomUUID(), 'a\u0000b', 'x'.repeat(256), 'x'.repeat(400)]) {
      const answer = await get(id);
      expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/problem+json; charset=utf-8']);
    }
    expect((await replay(theirs.id)).status).toBe(404);
    expect(await list()).toEqual([]);
  });
});

describe('a path that is no UTF-8', () => {
  it.each(['%ff', '%', '%E0%A4%A'])('answers a problem for %s', async (id) => {
    const answer = await tenant.call('GET', `/events/${id}`, undefined);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8']);
    expect(answer.body.request_id).toBe(answer.headers['x-request-id']);
  });
});

describe('listing events', () => {
  it('filters by each field and leaves payloads out', async () => {
    const first = await seedEvent(api.db, tenant.id, { eventId: 'a', source: 'shop' });
    const second = await seedEvent(api.db, tenant.id, { eventType: 'order.paid' });
    expect(await list()).toEqual([second.id, first.id]);
    expect(await list('limit=1')).toEqual([second.id]);
    expect(await list(`cursor=${second.id}`)).toEqual([first.id]);
    expect(await list('event_type=order.paid')).toEqual([second.id]);
    expect(await list('event_id=a')).toEqual([first.id]);
    expect(await list('source=shop')).toEqual([first.id]);
    expect(await list('source=shop&event_type=order.paid')).toEqual([]);
    const after = new Date(timestampOf(second.id) + 1).toISOString();
    expect(await list(`after=${after}`)).toEqual([]);
    expect(await list(`before=${after}`)).toEqual([second.id, first.id]);
    const { text } = await tenant.call('GET', '/events');
    expect(text).not.toContain('payload');
    expect(text).not.toContain('deliveries');
  });

  it.each(['source=%00', 'after=2026', 'type=a', 'cursor=1'])('refuses ?%s', async (query) => {
    expect((await tenant.call('GET', `/events?${query}`)).status).toBe(422);
  });
});

describe('replaying an event', () => {
  it('makes fresh deliveries to every active endpoint that wants its type', async () => {
    const wanting = await createEndpoint({
      event_types: ['order.*'],
      retry_policy: { max_attempts: 3, schedule_seconds: [60] },
    });
    const all = await createEndpoint();
    await createEndpoint({ event_types: ['invoice.paid'] });
    await createEndpoint({ is_active: false });
    const event = await seedEvent(api.db, tenant.id, { eventId: 'order-1' });
    const earlier = await seedDelivery(api.db, event, all, { status: 'succeeded' });

    const answer = await replay('order-1');
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ id: event.id, event_id: 'order-1', event_type: 'order.created' });
    expect(answer.body.deliveries).toEqual([
      { id: expect.any(String) as string, endpoint_id: wanting, status: 'pending', attempts: 0 },
      { id: expect.any(String) as string, endpoint_id: all, status: 'pending', attempts: 0 },
    ]);
    const fresh = answer.body.deliveries[0];
    const { body } = await tenant.call('GET', `/deliveries/${String(fresh?.id)}`);
    expect(body).toMatchObject({ max_attempts: 3, held_by: null });
    expect(Date.parse(String(body.next_attempt_at))).toBeLessThanOrEqual(Date.now() + 1_000);
    expect((await get(event.id)).body.deliveries.map((delivery) => delivery.id)).toEqual([
      earlier.id,
      ...answer.body.deliveries.map((delivery) => delivery.id),
    ]);
  });

  it('goes to the endpoints that are named, once each, and to none where none wants it', async () => {
    const named = await createEndpoint({ event_types: ['invoice.paid'] });
    await createEndpoint({ event_types: ['invoice.paid'] });
    const event = await seedEvent(api.db, tenant.id);
    const answer = await replay(event.id, { endpoint_ids: [named, named.toUpperCase()] });
    expect(answer.body.deliveries.map((delivery) => delivery.endpoint_id)).toEqual([named]);
    const none = await replay(event.id);
    expect([none.status, none.body.deliveries]).toEqual([202, []]);
  });

  it('refuses endpoints that the tenant does not have, and delivers to none then', async () => {
    const mine = await createEndpoint();
    const stranger = await api.createTenant();
    const theirs = (await stranger.call<{ id: string }>('POST', '/endpoints', { url: 'https://hooks.example.com/' }))
      .body.id;
    const event = await seedEvent(api.db, tenant.id);
    for (const unknown of [theirs, newId()]) {
      const answer = await replay(event.id, { endpoint_ids: [mine, unknown] });
      expect([answer.status, refusedFields(answer)]).toEqual([422, ['endpoint_ids']]);
    }
    expect((await get(event.id)).body.deliveries).toEqual([]);
  });

  it.each([[{ endpoint_ids: [] }], [{ endpoint_ids: ['x'] }], [{ endpoint_ids: null }], [{ endpoint_ids: 'x' }]])(
    'refuses %j',
    async (body) => {
      const event = await seedEvent(api.db, tenant.id);
      expect((await replay(event.id, body)).status).toBe(422);
    },
  );

  it('refuses a suspended tenant, and a key that may only read', async () => {
    const event = await seedEvent(api.db, tenant.id);
    const { body } = await tenant.call<{ key: string }>('POST', '/api-keys', { name: 'r', scopes: ['events:read'] });
    expect((await api.call('POST', `/events/${event.id}/replay`, { key: body.key })).status).toBe(403);
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { status: 'suspended' } });
    const answer = await replay(event.id);
    expect([answer.status, answer.body.type]).toEqual([403, 'urn:posthaste:problem:tenant_suspended']);
    expect((await get(event.id)).status).toBe(200);
  });
});

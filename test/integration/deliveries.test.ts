import { randomUUID } from 'node:crypto';
import { timestampOf } from '../../src/common/ids.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import { ApiApp, type TestTenant } from '../support/api-app.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';

interface DeliveryBody {
  id: string;
  [field: string]: unknown;
}
interface PageBody<Item = DeliveryBody> {
  data: Item[];
  next_cursor: string | null;
}

let api: ApiApp;
let tenant: TestTenant;
let endpointId: string;
let event: EventEntity;
beforeAll(async () => {
  api = await ApiApp.start();
});
beforeEach(async () => {
  tenant = await api.createTenant();
  endpointId = await createEndpoint();
  event = await seedEvent(api.db, tenant.id);
});
afterAll(() => api.close());

const createEndpoint = async (): Promise<string> =>
  (await tenant.call<{ id: string }>('POST', '/endpoints', { url: 'https://hooks.example.com/' })).body.id;
const seed = (
  values: Parameters<typeof seedDelivery>[3] = {},
  outcomes: Parameters<typeof seedDelivery>[4] = [],
): Promise<Delivery> => seedDelivery(api.db, event, endpointId, values, outcomes);
const get = async (id: string): Promise<DeliveryBody> =>
  (await tenant.call<DeliveryBody>('GET', `/deliveries/${id}`)).body;
const list = async (query = ''): Promise<string[]> =>
  (await tenant.call<PageBody>('GET', `/deliveries?${query}`)).body.data.map((delivery) => delivery.id);
const rowOf = async (id: string): Promise<Record<string, unknown>> => {
  const rows = await api.db.query<Record<string, unknown>[]>('SELECT * FROM deliveries WHERE id = $1', [id]);
  return rows[0] ?? {};
};

describe('reading deliveries', () => {
  it('shows every field, null where there is nothing', async () => {
    const delivery = await seed({ nextAttemptAt: new Date('2030-01-01T00:00:00Z') });
    expect(await get(delivery.id)).toEqual({
      id: delivery.id,
      event_id: event.id,
      event_type: 'order.created',
      endpoint_id: endpointId,
      status: 'pending',
      attempts: 0,
      max_attempts: 7,
      next_attempt_at: '2030-01-01T00:00:00.000Z',
      held_by: null,
      last_status_code: null,
      last_error: null,
      created_at: expect.stringMatching(/Z$/) as string,
      completed_at: null,
    });
  });

  it('filters by each field, and by several at once', async () => {
    const otherEndpoint = await createEndpoint();
    const otherEvent = await seedEvent(api.db, tenant.id, { eventType: 'order.paid', eventId: 'order-7' });
    const first = await seed();
    const second = await seed({ status: 'succeeded' });
    const third = await seedDelivery(api.db, otherEvent, otherEndpoint, { status: 'dead_letter' });
    expect(await list()).toEqual([third.id, second.id, first.id]);
    expect(await list('status=succeeded')).toEqual([second.id]);
    expect(await list(`endpoint_id=${otherEndpoint}`)).toEqual([third.id]);
    expect(await list('event_type=order.paid')).toEqual([third.id]);
    expect(await list(`event_id=${event.id}`)).toEqual([second.id, first.id]);
    expect(await list(`event_id=${event.id.toUpperCase()}&status=pending`)).toEqual([first.id]);
    expect(await list('event_id=order-7')).toEqual([third.id]);
    expect(await list(`event_id=${randomUUID()}`)).toEqual([]);
    expect(await list('event_id=unknown')).toEqual([]);
    expect(await list(`event_id=${event.id}&limit=1&cursor=${second.id}`)).toEqual([first.id]);
  });

  it("finds a tenant's own event_id that looks like one of our ids", async () => {
    const ownId = randomUUID();
    const own = await seedEvent(api.db, tenant.id, { eventId: ownId });
    const delivery = await seedDelivery(api.db, own, endpointId);
    expect(await list(`event_id=${ownId}`)).toEqual([delivery.id]);
  });

  it('bounds a list by time', async () => {
    const delivery = await seed();
    const at = timestampOf(delivery.id);
    const iso = (ms: number): string => new Date(ms).toISOString();
    expect(await list(`after=${iso(at)}`)).toEqual([delivery.id]);
    expect(await list(`after=${iso(at + 1)}`)).toEqual([]);
    expect(await list(`before=${iso(at)}`)).toEqual([]);
    expect(await list(`before=${iso(at + 1)}&after=2020-01-01T00:00:00Z`)).toEqual([delivery.id]);
  });

  it.each([
    'status=done',
    'endpoint_id=x',
    'after=yesterday',
    'before=2026-01-01',
    'event_id=%00',
    'event_type=a&event_type=b',
    'state=pending',
  ])('refuses ?%s', async (query) => {
    expect((await tenant.call('GET', `/deliveries?${query}`)).status).toBe(422);
  });

  it("knows no malformed or unknown id, nor another tenant's", async () => {
    const delivery = await seed({}, ['failed']);
    const stranger = await api.createTenant();
    for (const id of [delivery.id, randomUUID(), 'nonsense']) {
      const answers = await Promise.all([
        stranger.call('GET', `/deliveries/${id}`),
        stranger.call('GET', `/deliveries/${id}/attempts`),
        stranger.call('POST', `/deliveries/${id}/retry`),
        stranger.call('POST', `/deliveries/${id}/cancel`),
      ]);
      expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404]);
    }
    expect((await stranger.call<PageBody>('GET', `/deliveries?event_id=${event.id}`)).body.data).toEqual([]);
    expect(await get(delivery.id)).toMatchObject({ status: 'pending' });
  });
});

describe("reading a delivery's attempts", () => {
  interface AttemptBody {
    attempt: number;
    request: { body: string | null };
  }
  const attempts = async (id: string, query = '') =>
    (await tenant.call<PageBody<AttemptBody>>('GET', `/deliveries/${id}/attempts?${query}`)).body;

  it('shows the newest first, with the body rendered from the event byte for byte', async () => {
    const delivery = await seed({ attempts: 2, status: 'succeeded' }, ['failed', 'succeeded']);
    const page = await attempts(delivery.id);
    const body = `{"id":"${event.id}","type":"order.created","timestamp":"${event.createdAt.toISOString()}","data":${event.payload}}`;
    expect(page.data).toEqual([
      expect.objectContaining({ attempt: 2, outcome: 'succeeded', status_code: 200, error: null }) as AttemptBody,
      {
        id: expect.any(String) as string,
        delivery_id: delivery.id,
        attempt: 1,
        outcome: 'failed',
        status_code: 500,
        error: 'http_status',
        request: {
          url: 'https://hooks.example.com/',
          headers: { 'content-type': 'application/json', 'x-token': '***' },
          body,
        },
        response: { headers: { 'content-type': 'text/plain' }, body: 'ok', truncated: false },
        duration_ms: 12,
        created_at: expect.stringMatching(/Z$/) as string,
      },
    ]);
    expect(page.next_cursor).toBeNull();
  });

  it('pages', async () => {
    const delivery = await seed({}, ['failed', 'failed', 'failed']);
    const first = await attempts(delivery.id, 'limit=2');
    expect(first.data.map((attempt) => attempt.attempt)).toEqual([3, 2]);
    const second = await attempts(delivery.id, `limit=2&cursor=${String(first.next_cursor)}`);
    expect(second.data.map((attempt) => attempt.attempt)).toEqual([1]);
    expect(second.next_cursor).toBeNull();
  });

  it('falls back to what the dead letter kept when the event is gone, and to null without one', async () => {
    const lettered = await seed({ status: 'dead_letter' }, ['failed']);
    const letter = await seedDeadLetter(api.db, event, lettered);
    const fresh = await seed({ deadLetterId: letter.id }, ['failed']);
    const other = await seedEvent(api.db, tenant.id);
    const bare = await seedDelivery(api.db, other, endpointId, {}, ['failed']);
    const before = (await attempts(lettered.id)).data[0]?.request.body;
    await api.db.query('DELETE FROM events WHERE id IN ($1, $2)', [event.id, other.id]);
    expect(before).toContain(event.payload);
    expect((await attempts(lettered.id)).data[0]?.request.body).toBe(before);
    expect((await attempts(fresh.id)).data[0]?.request.body).toBe(before);
    expect((await attempts(bare.id)).data[0]?.request.body).toBeNull();
  });
});

describe('retrying a delivery', () => {
  const retry = (id: string) => tenant.call<DeliveryBody>('POST', `/deliveries/${id}/retry`);

  it('makes a waiting one due at once, whatever held it', async () => {
    for (const heldBy of [null, 'circuit', 'rate_limit', 'fairness'] as const) {
      const delivery = await seed({ heldBy, nextAttemptAt: heldBy === null ? new Date(Date.now() + 3_600_000) : null });
      const answer = await retry(delivery.id);
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({ id: delivery.id, status: 'pending', held_by: null });
      expect(Date.parse(String(answer.body.next_attempt_at))).toBeLessThanOrEqual(Date.now() + 1_000);
    }
  });

  it('leaves one alone whose attempt is already coming', async () => {
    const delivery = await seed({ leasedUntil: new Date(Date.now() + 60_000), leaseNo: 3 });
    const before = await rowOf(delivery.id);
    expect((await retry(delivery.id)).status).toBe(202);
    expect(await rowOf(delivery.id)).toEqual(before);
  });

  it.each(['succeeded', 'dead_letter'] as const)(
    'gives a delivery that is %s one more attempt and remembers its status',
    async (status) => {
      const completedAt = new Date('2026-01-01T00:00:00Z');
      const delivery = await seed({ status, completedAt, attempts: 7, leaseNo: 7 });
      const answer = await retry(delivery.id);
      expect(answer.body).toMatchObject({
        status: 'pending',
        attempts: 7,
        completed_at: null,
        next_attempt_at: expect.any(String) as string,
      });
      expect(await rowOf(delivery.id)).toMatchObject({
        settled_status: status,
        completed_at: completedAt,
        lease_no: 7,
        leased_until: null,
      });
      // A second click changes nothing of what is remembered.
      expect((await retry(delivery.id)).status).toBe(202);
      expect(await rowOf(delivery.id)).toMatchObject({ status: 'pending', settled_status: status });
    },
  );

  it('refuses one that was cancelled', async () => {
    const delivery = await seed({ status: 'cancelled' });
    expect((await retry(delivery.id)).status).toBe(409);
    expect(await rowOf(delivery.id)).toMatchObject({ status: 'cancelled' });
  });

  it('refuses while the endpoint is disabled or the tenant suspended, and after the endpoint is deleted', async () => {
    const delivery = await seed({ status: 'dead_letter' });
    await tenant.call('PATCH', `/endpoints/${endpointId}`, { is_active: false });
    expect((await retry(delivery.id)).status).toBe(409);
    await tenant.call('PATCH', `/endpoints/${endpointId}`, { is_active: true });
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { status: 'suspended' } });
    expect((await retry(delivery.id)).status).toBe(409);
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { status: 'active' } });
    await tenant.call('DELETE', `/endpoints/${endpointId}`);
    expect((await retry(delivery.id)).status).toBe(409);
    expect(await rowOf(delivery.id)).toMatchObject({ status: 'dead_letter', settled_status: null });
  });

  it('refuses when nothing is left to send, unless a dead letter kept it', async () => {
    const other = await seedEvent(api.db, tenant.id);
    const bare = await seedDelivery(api.db, other, endpointId, { status: 'succeeded' });
    const lettered = await seed({ status: 'dead_letter' });
    await seedDeadLetter(api.db, event, lettered);
    await api.db.query('DELETE FROM events WHERE id IN ($1, $2)', [event.id, other.id]);
    expect((await retry(bare.id)).status).toBe(409);
    expect((await retry(lettered.id)).status).toBe(202);
  });

  it('asks for the right to write', async () => {
    const delivery = await seed();
    const { body } = await tenant.call<{ key: string }>('POST', '/api-keys', {
      name: 'r',
      scopes: ['deliveries:read'],
    });
    expect((await api.call('POST', `/deliveries/${delivery.id}/retry`, { key: body.key })).status).toBe(403);
    expect((await api.call('GET', `/deliveries/${delivery.id}`, { key: body.key })).status).toBe(200);
  });
});

describe('cancelling a delivery', () => {
  const cancel = (id: string) => tenant.call<DeliveryBody>('POST', `/deliveries/${id}/cancel`);

  it('cancels what is pending, held and under way alike, and voids the attempt under way', async () => {
    const waiting = await seed();
    const held = await seed({ heldBy: 'disabled', nextAttemptAt: null });
    const leased = await seed({ leasedUntil: new Date(Date.now() + 60_000), leaseNo: 2 });
    for (const { id } of [waiting, held, leased]) {
      const answer = await cancel(id);
      expect([answer.status, answer.body]).toMatchObject([
        200,
        { status: 'cancelled', held_by: null, next_attempt_at: null, completed_at: expect.any(String) as string },
      ]);
    }
    expect(await rowOf(leased.id)).toMatchObject({ leased_until: null, lease_no: 3 });
  });

  it('gives a settled delivery its status back when its manual attempt is cancelled', async () => {
    const completedAt = new Date('2026-01-01T00:00:00Z');
    const delivery = await seed({ status: 'succeeded', completedAt, attempts: 1 });
    await tenant.call('POST', `/deliveries/${delivery.id}/retry`);
    expect((await cancel(delivery.id)).body).toMatchObject({
      status: 'succeeded',
      completed_at: completedAt.toISOString(),
    });
    expect(await rowOf(delivery.id)).toMatchObject({ settled_status: null, next_attempt_at: null });
  });

  it.each(['succeeded', 'dead_letter', 'cancelled'] as const)('refuses one that is %s', async (status) => {
    const delivery = await seed({ status });
    expect((await cancel(delivery.id)).status).toBe(409);
    expect(await rowOf(delivery.id)).toMatchObject({ status });
  });
});

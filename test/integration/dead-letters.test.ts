import { randomUUID } from 'node:crypto';
import type { DeadLetter } from '../../src/dead-letters/dead-letter.entity.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import { ApiApp, type TestTenant } from '../support/api-app.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';

interface PageBody {
  data: Record<string, unknown>[];
}

let api: ApiApp;
let tenant: TestTenant;
let endpointId: string;
let event: EventEntity;
let letter: DeadLetter;
beforeAll(async () => {
  api = await ApiApp.start();
});
beforeEach(async () => {
  tenant = await api.createTenant();
  const endpoint = { url: 'https://hooks.example.com/', retry_policy: { preset: 'standard' } };
  endpointId = (await tenant.call<{ id: string }>('POST', '/endpoints', endpoint)).body.id;
  event = await seedEvent(api.db, tenant.id);
  letter = await seedLetter();
});
afterAll(() => api.close());

async function seedLetter(values: Parameters<typeof seedDeadLetter>[3] = {}): Promise<DeadLetter> {
  const delivery = await seedDelivery(api.db, event, endpointId, { status: 'dead_letter', attempts: 7 });
  return seedDeadLetter(api.db, event, delivery, values);
}
const list = async (query = ''): Promise<unknown[]> =>
  (await tenant.call<PageBody>('GET', `/dead-letters?${query}`)).body.data.map((item) => item.id);
const retry = (id = letter.id) => tenant.call('POST', `/dead-letters/${id}/retry`);
const resolve = (id = letter.id) => tenant.call('POST', `/dead-letters/${id}/resolve`);

describe('reading dead letters', () => {
  it('shows the payload byte for byte, and every other field', async () => {
    const answer = await tenant.call('GET', `/dead-letters/${letter.id}`);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.text).toContain(`"payload":${event.payload}`);
    expect(answer.body).toEqual({
      id: letter.id,
      delivery_id: letter.deliveryId,
      event_id: event.id,
      event_type: 'order.created',
      endpoint_id: endpointId,
      reason: 'attempts_exhausted',
      payload: JSON.parse(event.payload) as unknown,
      attempts: 7,
      last_status_code: 500,
      last_error: 'http_status',
      resolved_at: null,
      resolution: null,
      created_at: expect.stringMatching(/Z$/) as string,
    });
  });

  it('filters by each field, and leaves payloads out of lists', async () => {
    const gone = await seedLetter({ reason: 'gone', eventType: 'order.paid' });
    const resolved = await seedLetter({ resolvedAt: new Date(), resolution: 'resolved' });
    expect(await list()).toEqual([resolved.id, gone.id, letter.id]);
    expect(await list('reason=gone')).toEqual([gone.id]);
    expect(await list('event_type=order.paid')).toEqual([gone.id]);
    expect(await list('resolved=true')).toEqual([resolved.id]);
    expect(await list('resolved=false&limit=1')).toEqual([gone.id]);
    expect(await list(`endpoint_id=${endpointId}&cursor=${gone.id}`)).toEqual([letter.id]);
    expect(await list(`endpoint_id=${randomUUID()}`)).toEqual([]);
    expect(await list('before=2020-01-01T00:00:00Z')).toEqual([]);
    expect((await tenant.call('GET', '/dead-letters')).text).not.toContain('payload');
  });

  it.each(['resolved=yes', 'resolved=', 'reason=bored', 'endpoint_id=1', 'after=1'])('refuses ?%s', async (query) => {
    expect((await tenant.call('GET', `/dead-letters?${query}`)).status).toBe(422);
  });

  it("knows no malformed or unknown id, nor another tenant's", async () => {
    const stranger = await api.createTenant();
    for (const id of [letter.id, randomUUID(), 'nonsense']) {
      const answers = await Promise.all([
        stranger.call('GET', `/dead-letters/${id}`),
        stranger.call('POST', `/dead-letters/${id}/retry`),
        stranger.call('POST', `/dead-letters/${id}/resolve`),
      ]);
      expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404]);
      expect(answers[0]?.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
    expect((await stranger.call<PageBody>('GET', '/dead-letters')).body.data).toEqual([]);
  });
});

describe('retrying a dead letter', () => {
  it('makes a fresh delivery with all attempts of the policy in force, due at once', async () => {
    const answer = await retry();
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      event_id: event.id,
      event_type: 'order.created',
      endpoint_id: endpointId,
      status: 'pending',
      attempts: 0,
      max_attempts: 5,
      held_by: null,
      next_attempt_at: expect.any(String) as string,
    });
    expect(answer.body.id).not.toBe(letter.deliveryId);
    expect(await api.db.query('SELECT dead_letter_id FROM deliveries WHERE id = $1', [answer.body.id])).toEqual([
      { dead_letter_id: letter.id },
    ]);
    expect((await tenant.call('GET', `/dead-letters/${letter.id}`)).body.resolved_at).toBeNull();
  });

  it('still works when the event is gone', async () => {
    await api.db.query('DELETE FROM events WHERE id = $1', [event.id]);
    expect((await retry()).status).toBe(202);
  });

  it('makes one delivery of two retries at the same instant, and another once that has failed', async () => {
    const answers = await Promise.all([retry(), retry(), retry()]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([202, 409, 409]);
    await api.db.query(
      `UPDATE deliveries SET status = 'dead_letter', next_attempt_at = NULL WHERE dead_letter_id = $1`,
      [letter.id],
    );
    expect((await retry()).status).toBe(202);
  });

  it('refuses while its own delivery is being retried', async () => {
    expect((await tenant.call('POST', `/deliveries/${letter.deliveryId}/retry`)).status).toBe(202);
    expect((await retry()).status).toBe(409);
  });

  it('refuses a resolved one', async () => {
    const resolved = await seedLetter({ resolvedAt: new Date(), resolution: 'retried' });
    expect((await retry(resolved.id)).status).toBe(409);
  });

  it('refuses while the endpoint is disabled or the tenant suspended, and after the endpoint is deleted', async () => {
    await tenant.call('PATCH', `/endpoints/${endpointId}`, { is_active: false });
    expect((await retry()).status).toBe(409);
    await tenant.call('PATCH', `/endpoints/${endpointId}`, { is_active: true });
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { status: 'suspended' } });
    expect((await retry()).status).toBe(409);
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { status: 'active' } });
    await tenant.call('DELETE', `/endpoints/${endpointId}`);
    expect((await retry()).status).toBe(409);
    expect(await api.db.query('SELECT FROM deliveries WHERE dead_letter_id = $1', [letter.id])).toEqual([]);
  });
});

describe('resolving a dead letter', () => {
  it('says when and how, once', async () => {
    const answer = await resolve();
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ resolution: 'resolved', resolved_at: expect.stringMatching(/Z$/) as string });
    expect(answer.text).toContain(`"payload":${event.payload}`);
    expect((await resolve()).status).toBe(409);
  });

  const resolveAll = (filter: object = {}) => tenant.call('POST', '/dead-letters/resolve', filter);
  const unresolved = (): Promise<unknown[]> => list('resolved=false');

  it('takes a filter for many, and leaves alone what it does not match, is dealt with, or is of another tenant', async () => {
    const stranger = await api.createTenant();
    const gone = await seedLetter({ reason: 'gone', eventType: 'order.paid' });
    const retried = await seedLetter({ resolvedAt: new Date(), resolution: 'retried' });
    expect((await stranger.call('POST', '/dead-letters/resolve', {})).body).toEqual({ resolved: 0, has_more: false });
    for (const filter of [{ event_type: 'x' }, { endpoint_id: randomUUID() }, { before: '2020-01-01T00:00:00Z' }])
      expect((await resolveAll(filter)).body).toEqual({ resolved: 0, has_more: false });
    expect((await resolveAll({ reason: 'gone' })).body).toEqual({ resolved: 1, has_more: false });
    expect(await unresolved()).toEqual([letter.id]);
    expect((await resolveAll({ endpoint_id: endpointId, after: '2020-01-01T00:00:00Z' })).body.resolved).toBe(1);
    expect(await unresolved()).toEqual([]);
    expect((await tenant.call('GET', `/dead-letters/${retried.id}`)).body.resolution).toBe('retried');
    const audited = await api.db.query<{ id: string }[]>(
      `SELECT subject_id AS id FROM audit_log WHERE tenant_id = $1 AND action = 'dead_letter.resolved' ORDER BY at`,
      [tenant.id],
    );
    expect(audited.map(({ id }) => id)).toEqual([gone.id, letter.id]);
  });

  it('says when a filter matches more than one request resolves', async () => {
    await api.db.query(
      `INSERT INTO dead_letters (id, tenant_id, delivery_id, event_id, endpoint_id, event_type, payload, traceparent,
         event_created_at, reason, attempts)
       SELECT gen_random_uuid(), $1, gen_random_uuid(), gen_random_uuid(), $2, 'order.created', '{}', '00', now(), 'gone', 1
       FROM generate_series(1, 1200)`,
      [tenant.id, endpointId],
    );
    expect((await resolveAll({ reason: 'gone' })).body).toEqual({ resolved: 1_000, has_more: true });
    expect((await resolveAll({ reason: 'gone' })).body).toEqual({ resolved: 200, has_more: false });
    expect(await unresolved()).toEqual([letter.id]);
  });

  it.each([{ reason: 'bored' }, { resolved: true }, { after: '2020-01-02T00:00:00Z', before: '2020-01-01T00:00:00Z' }])(
    'refuses the filter %j',
    async (filter) => {
      expect((await resolveAll(filter)).status).toBe(422);
    },
  );
});

import { randomUUID } from 'node:crypto';
import { v7 } from 'uuid';
import type { EventEntity } from '../../src/events/event.entity.js';
import { refusedFields, type Answer } from '../support/api-app.js';
import { EPOCH, ReplayScenario, type ReplayBody } from '../support/replay-scenario.js';

let scenario: ReplayScenario;
beforeAll(async () => {
  scenario = await ReplayScenario.start();
});
beforeEach(() => scenario.begin());
afterAll(() => scenario.close());

describe('replaying to an endpoint', () => {
  it.each(['succeeded', 'cancelled', 'dead_letter'] as const)(
    'delivers anew what is %s, oldest first',
    async (status) => {
      const events: string[] = [];
      for (const other of ['pending', 'succeeded', 'cancelled', 'dead_letter'] as const) {
        for (let n = 0; n < 3; n++) {
          const event = await scenario.seedEvent();
          await scenario.seedDelivery(event, other);
          if (other === status) events.push(event.id);
        }
      }
      const elsewhere = await scenario.createEndpoint();
      await scenario.seedDelivery(await scenario.seedEvent(), status, elsewhere);

      const answer = await scenario.ask({ status });
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({
        status: 'running',
        total: 3,
        done: 0,
        failed: 0,
        finished_at: null,
        error: null,
      });
      expect(await scenario.finish(answer)).toMatchObject({
        status: 'completed',
        total: 3,
        done: 3,
        failed: 0,
        error: null,
      });
      expect(await scenario.freshEvents()).toEqual(events);
      expect((await scenario.fresh()).map((row) => [row.endpoint_id, row.max_attempts])).toEqual(
        Array(3).fill([scenario.endpointId, 5]),
      );
    },
  );

  it('delivers what is missing: of a type it wants, not its own notices, and never delivered before', async () => {
    scenario.endpointId = await scenario.createEndpoint({ event_types: ['order.*', 'invoice.paid', 'posthaste.*'] });
    const wanted = [
      await scenario.seedEvent(),
      await scenario.seedEvent({ eventType: 'invoice.paid' }),
      await scenario.seedEvent({ eventType: 'order.line.added' }),
    ];
    for (const eventType of ['orders.created', 'order', 'invoice.paid.late', 'posthaste.endpoint.disabled']) {
      await scenario.seedEvent({ eventType });
    }
    for (const status of ['pending', 'succeeded', 'cancelled'] as const) {
      await scenario.seedDelivery(await scenario.seedEvent(), status);
    }
    const elsewhere = await scenario.createEndpoint();
    const first = wanted[0] as EventEntity;
    await scenario.seedDelivery(first, 'succeeded', elsewhere);

    const answer = await scenario.ask({ status: 'missing' });
    expect(answer.body.total).toBe(3);
    expect(await scenario.finish(answer)).toMatchObject({ status: 'completed', done: 3, failed: 0 });
    expect(await scenario.freshEvents()).toEqual(wanted.map(({ id }) => id));
    expect((await scenario.ask({ status: 'missing' })).body).toMatchObject({ status: 'completed', total: 0 });
  });

  it('leaves out what got its delivery between the request and its turn', async () => {
    const events = [await scenario.seedEvent(), await scenario.seedEvent()];
    const answer = await scenario.ask({ status: 'missing' });
    await scenario.seedDelivery(events[0] as EventEntity, 'pending');
    expect(await scenario.finish(answer)).toMatchObject({ status: 'completed', total: 2, done: 1, failed: 0 });
    expect(await scenario.freshEvents()).toEqual([events[1]?.id]);
  });

  it('delivers every event it wants when no status is given, delivered or not', async () => {
    scenario.endpointId = await scenario.createEndpoint({ event_types: ['order.created'] });
    const delivered = await scenario.seedEvent();
    await scenario.seedDelivery(delivered, 'succeeded');
    const missing = await scenario.seedEvent();
    await scenario.seedEvent({ eventType: 'other' });
    const answer = await scenario.ask();
    expect(await scenario.finish(answer)).toMatchObject({ status: 'completed', total: 2, done: 2 });
    expect(await scenario.freshEvents()).toEqual([delivered.id, missing.id]);
  });

  it.each([undefined, 'missing', 'succeeded'] as const)('keeps to its span of time (status %s)', async (status) => {
    const ids = [1, 2, 3, 4].map((day) => newIdAt(Date.parse(`2026-01-0${day}T00:00:00Z`)));
    // So long ago that it is outside of the usual retention.
    const past = await ReplayScenario.start({ retentionDays: 3_650 });
    await past.begin();
    for (const id of ids) {
      const event = await past.seedEvent({ id });
      if (status === 'succeeded') await past.seedDelivery(event, status, past.endpointId, {}, id);
    }
    const answer = await past.ask({ since: '2026-01-02T00:00:00Z', until: '2026-01-04T00:00:00Z', status });
    expect(answer.body.total).toBe(2);
    expect(await past.finish(answer)).toMatchObject({ status: 'completed', done: 2, failed: 0 });
    expect(await past.freshEvents()).toEqual(ids.slice(1, 3));
    await past.close();
    // With the usual retention they are as good as gone.
    const event = await scenario.seedEvent({ id: newIdAt(Date.parse('2020-02-01T00:00:00Z')) });
    if (status === 'succeeded') await scenario.seedDelivery(event, status, scenario.endpointId, {}, event.id);
    expect((await scenario.ask({ status })).body).toMatchObject({ status: 'completed', total: 0 });
  });

  it('delivers an event once, however many of its deliveries match, and however often it is asked', async () => {
    const event = await scenario.seedEvent();
    await scenario.seedDelivery(event, 'cancelled');
    await scenario.seedDelivery(event, 'cancelled');
    expect(await scenario.finish(await scenario.ask({ status: 'cancelled' }))).toMatchObject({ total: 1, done: 1 });
    await scenario.api.db.query(
      `UPDATE deliveries SET status = 'cancelled', completed_at = now(), next_attempt_at = NULL
       WHERE event_id = $1 AND status = 'pending'`,
      [event.id],
    );
    expect(await scenario.finish(await scenario.ask({ status: 'cancelled' }))).toMatchObject({ total: 1, done: 1 });
    expect(await scenario.freshEvents()).toEqual([event.id]);
  });

  it('does not take in what is published or settled after the request', async () => {
    const event = await scenario.seedEvent();
    await scenario.seedDelivery(event, 'succeeded');
    const pending = await scenario.seedDelivery(await scenario.seedEvent(), 'pending');
    const all = await scenario.ask({}, await scenario.createEndpoint());
    const succeeded = await scenario.ask({ status: 'succeeded' });
    expect([all.body.total, succeeded.body.total]).toEqual([2, 1]);
    await scenario.seedDelivery(await scenario.seedEvent(), 'succeeded');
    await scenario.api.db.query(
      `UPDATE deliveries SET status = 'succeeded', completed_at = clock_timestamp() + interval '1 ms' WHERE id = $1`,
      [pending.id],
    );
    expect(await scenario.finish(all)).toMatchObject({ total: 2, done: 2 });
    expect(await scenario.finish(succeeded)).toMatchObject({ total: 1, done: 1 });
  });

  it('retries the dead letter, so that it resolves when the delivery succeeds', async () => {
    const event = await scenario.seedEvent();
    const delivery = await scenario.seedDelivery(event, 'dead_letter');
    const resolved = await scenario.seedDelivery(await scenario.seedEvent(), 'dead_letter');
    await scenario.api.db.query('UPDATE dead_letters SET resolved_at = now() WHERE delivery_id = $1', [resolved.id]);
    expect(await scenario.finish(await scenario.ask({ status: 'dead_letter' }))).toMatchObject({
      total: 1,
      done: 1,
      failed: 0,
    });
    const [letter] = await scenario.api.db.query<{ id: string }[]>(
      'SELECT id FROM dead_letters WHERE delivery_id = $1',
      [delivery.id],
    );
    expect(await scenario.fresh()).toMatchObject([{ event_id: event.id, dead_letter_id: letter?.id }]);
    // Its retry is still under way, which a single retry would refuse, too.
    expect(await scenario.finish(await scenario.ask({ status: 'dead_letter' }))).toMatchObject({
      total: 1,
      done: 0,
      failed: 1,
    });
  });

  it('counts what lost its event as failed', async () => {
    const [gone, kept] = [await scenario.seedEvent(), await scenario.seedEvent()];
    await scenario.seedDelivery(gone, 'succeeded');
    await scenario.seedDelivery(kept, 'succeeded');
    await scenario.api.db.query('DELETE FROM events WHERE id = $1', [gone.id]);
    expect(await scenario.finish(await scenario.ask({ status: 'succeeded' }))).toMatchObject({
      total: 2,
      done: 1,
      failed: 1,
    });
    expect(await scenario.freshEvents()).toEqual([kept.id]);
  });

  it('gets through more than a chunk, none lost, none twice, in order', async () => {
    const ids = await scenario.seedMany(650, 'succeeded');
    const answer = await scenario.ask({ status: 'succeeded' });
    expect(answer.body.total).toBe(650);
    expect(await scenario.finish(answer)).toMatchObject({ status: 'completed', done: 650, failed: 0 });
    const rows = await scenario.api.db.query<{ event_id: string }[]>(
      `SELECT event_id FROM deliveries WHERE tenant_id = $1 AND status = 'pending' ORDER BY id`,
      [scenario.tenant.id],
    );
    expect(rows.map(({ event_id }) => event_id)).toEqual(ids);
  });

  it('looks further when thousands of events in a row are none of its items', async () => {
    const ids = await scenario.seedMany(5_200, 'cancelled');
    const last = await scenario.seedEvent();
    const ordinary = await scenario.ask({ status: 'missing' });
    expect(await scenario.finish(ordinary)).toMatchObject({ total: 1, done: 1 });
    const first = ids[0] as string;
    await scenario.api.db.query(`UPDATE deliveries SET status = 'succeeded' WHERE event_id = ANY($1::uuid[])`, [
      [first, ids.at(-1)],
    ]);
    expect(await scenario.finish(await scenario.ask({ status: 'succeeded' }))).toMatchObject({ total: 2, done: 2 });
    expect((await scenario.freshEvents()).sort()).toEqual([first, ids.at(-1), last.id].sort());
  });

  it('refuses a second one while one runs, and two at the same instant', async () => {
    await scenario.seedMany(3, 'succeeded');
    const answers = await Promise.all([scenario.ask(), scenario.ask(), scenario.ask({ status: 'succeeded' })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    expect((await scenario.ask()).status).toBe(409);
    expect((await scenario.ask({}, await scenario.createEndpoint())).status).toBe(202);
    await scenario.finish(answers.find(({ status }) => status === 202) as Answer<ReplayBody>);
    expect((await scenario.ask()).status).toBe(202);
  });

  it('refuses more than twenty running at once for a tenant', async () => {
    await scenario.seedMany(1);
    for (let n = 0; n < 20; n++) expect((await scenario.ask({}, await scenario.createEndpoint())).status).toBe(202);
    expect((await scenario.ask()).status).toBe(409);
    expect((await scenario.retryAll()).status).toBe(409);
  });

  it('refuses an inactive endpoint and a suspended tenant', async () => {
    await scenario.tenant.call('PATCH', `/endpoints/${scenario.endpointId}`, { is_active: false });
    expect((await scenario.ask()).status).toBe(409);
    await scenario.api.call('PATCH', `/tenants/${scenario.tenant.id}`, { body: { status: 'suspended' } });
    const answers = [await scenario.ask(), await scenario.retryAll()];
    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    expect(answers[0]?.body).toMatchObject({ type: 'urn:posthaste:problem:tenant_suspended' });
  });

  it.each([
    ['no since', { since: undefined }, 'since'],
    ['a since without its time zone', { since: '2026-01-01T00:00:00' }, 'since'],
    ['a since in the future', { since: '2999-01-01T00:00:00Z' }, 'since'],
    ['until before since', { since: '2026-01-02T00:00:00Z', until: '2026-01-01T00:00:00Z' }, 'since'],
    ['a status that nothing is replayed from', { status: 'pending' }, 'status'],
    ['a field it does not know', { limit: 3 }, 'limit'],
  ])('refuses %s', async (_name, body, field) => {
    const answer = await scenario.ask(body);
    expect(answer.status).toBe(422);
    expect(refusedFields(answer as unknown as Answer)).toEqual([field]);
  });

  it("knows no malformed or unknown id, nor another tenant's", async () => {
    await scenario.seedMany(1);
    const { body } = await scenario.ask();
    const stranger = await scenario.api.createTenant();
    for (const id of [scenario.endpointId, randomUUID(), 'nonsense']) {
      expect((await stranger.call('POST', `/endpoints/${id}/replay`, { since: EPOCH })).status).toBe(404);
    }
    for (const id of [body.id, randomUUID(), 'nonsense']) {
      expect((await stranger.call('GET', `/replays/${id}`)).status).toBe(404);
    }
    expect((await scenario.tenant.call('GET', `/replays/${body.id}`)).status).toBe(200);
  });

  it('needs the scope to write deliveries, and to read them', async () => {
    const make = { name: 'narrow', scopes: ['endpoints:write', 'events:read'] };
    const { key } = (await scenario.tenant.call<{ key: string }>('POST', '/api-keys', make)).body;
    const { body } = await scenario.ask();
    const answers = [
      await scenario.api.call('POST', `/endpoints/${scenario.endpointId}/replay`, { key, body: { since: EPOCH } }),
      await scenario.api.call('POST', '/dead-letters/retry', { key, body: {} }),
      await scenario.api.call('GET', `/replays/${body.id}`, { key }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
  });
});

const newIdAt = (epochMs: number): string => v7({ msecs: epochMs });

import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { ApiKeysModule } from '../../src/api-keys/api-keys.module.js';
import { AuthGuard } from '../../src/api-keys/auth.guard.js';
import { newId } from '../../src/common/ids.js';
import { SecretBoxModule } from '../../src/common/secret-box.module.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { DeadLettersController } from '../../src/dead-letters/dead-letters.controller.js';
import { DeadLettersModule } from '../../src/dead-letters/dead-letters.module.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import { EndpointsController } from '../../src/endpoints/endpoints.controller.js';
import { EndpointsModule } from '../../src/endpoints/endpoints.module.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import { ReplayStepper } from '../../src/replays/replay-stepper.service.js';
import { ReplaysController } from '../../src/replays/replays.controller.js';
import { ReplaysModule } from '../../src/replays/replays.module.js';
import { TenantsController } from '../../src/tenants/tenants.controller.js';
import { TenantsModule } from '../../src/tenants/tenants.module.js';
import { ApiApp, refusedFields, type Answer, type TestTenant } from '../support/api-app.js';
import { waitFor } from '../support/processes.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';

@Module({
  imports: [
    ConfigModule,
    DatabaseModule,
    SecretBoxModule,
    ApiKeysModule,
    TenantsModule,
    EndpointsModule,
    DeadLettersModule,
    ReplaysModule,
  ],
  controllers: [TenantsController, EndpointsController, DeadLettersController, ReplaysController],
  providers: [{ provide: APP_GUARD, useClass: AuthGuard }],
})
class ReplayApiModule {}

interface ReplayBody {
  id: string;
  status: string;
  total: number;
  done: number;
  failed: number;
  created_at: string;
  finished_at: string | null;
  error: string | null;
}

interface FreshRow {
  id: string;
  event_id: string;
  event_type: string;
  endpoint_id: string;
  dead_letter_id: string | null;
  max_attempts: number;
}

const EPOCH = '2020-01-01T00:00:00Z';

let api: ApiApp;
let tenant: TestTenant;
let endpointId: string;
/** Deliveries that a scenario began with. */
let seeded: string[];
beforeAll(async () => {
  api = await ApiApp.start({ module: ReplayApiModule });
});
beforeEach(async () => {
  tenant = await api.createTenant();
  endpointId = await createEndpoint();
  seeded = [];
});
afterEach(async () => {
  // What one scenario leaves running must not take the turns of the next.
  await api.db.query(`DELETE FROM replays WHERE status = 'running'`);
});
afterAll(() => api.close());

async function createEndpoint(settings: Record<string, unknown> = {}): Promise<string> {
  const endpoint = { url: 'https://hooks.example.com/', retry_policy: { preset: 'standard' }, ...settings };
  return (await tenant.call<{ id: string }>('POST', '/endpoints', endpoint)).body.id;
}

async function seed(event: EventEntity, status: Delivery['status'], at: string = endpointId): Promise<Delivery> {
  const completedAt = status === 'pending' ? null : new Date();
  const delivery = await seedDelivery(api.db, event, at, { status, completedAt });
  seeded.push(delivery.id);
  if (status === 'dead_letter') await seedDeadLetter(api.db, event, delivery);
  return delivery;
}

/** Events by the thousand, and settled deliveries of them where a status is given. */
async function seedMany(count: number, status: Delivery['status'] | null = null): Promise<string[]> {
  const ids = Array.from({ length: count }, newId);
  await api.db.query(
    `INSERT INTO events (id, tenant_id, event_type, payload, traceparent, created_at)
     SELECT id, $2, 'order.created', '{}', '00', now() FROM unnest($1::uuid[]) id`,
    [ids, tenant.id],
  );
  if (status === null) return ids;
  const deliveryIds = ids.map(newId);
  seeded.push(...deliveryIds);
  await api.db.query(
    `INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, event_type, status, max_attempts, completed_at)
     SELECT id, $3, event_id, $4, 'order.created', $5, 7, now() FROM unnest($1::uuid[], $2::uuid[]) AS d (id, event_id)`,
    [deliveryIds, ids, tenant.id, endpointId, status],
  );
  return ids;
}

const ask = (body: Record<string, unknown> = {}, id = endpointId): Promise<Answer<ReplayBody>> =>
  tenant.call<ReplayBody>('POST', `/endpoints/${id}/replay`, { since: EPOCH, ...body });
const retryAll = (filter: Record<string, unknown> = {}): Promise<Answer<ReplayBody>> =>
  tenant.call<ReplayBody>('POST', '/dead-letters/retry', filter);
const progress = async (id: string): Promise<ReplayBody> =>
  (await tenant.call<ReplayBody>('GET', `/replays/${id}`)).body;
const step = (): Promise<boolean> => api.app.get(ReplayStepper).step();

/** Steps, as a worker does, until the condition holds. */
async function stepUntil(id: string, isRight: (replay: ReplayBody) => boolean): Promise<ReplayBody> {
  let replay = await progress(id);
  await waitFor(
    async () => {
      if (!isRight(replay)) await step();
      replay = await progress(id);
      return isRight(replay);
    },
    { what: 'the replay to get there' },
  );
  return replay;
}
const finish = ({ body }: Answer<ReplayBody>): Promise<ReplayBody> =>
  stepUntil(body.id, ({ status }) => status !== 'running');

/** In the order in which they enter the queue. */
const fresh = (): Promise<FreshRow[]> =>
  api.db.query<FreshRow[]>(
    `SELECT id, event_id, event_type, endpoint_id, dead_letter_id, max_attempts FROM deliveries
     WHERE tenant_id = $1 AND id <> ALL($2::uuid[]) AND status = 'pending' AND leased_until IS NULL AND held_by IS NULL
       AND settled_status IS NULL AND attempts = 0 AND next_attempt_at <= now() + interval '1 s'
     ORDER BY next_attempt_at, id`,
    [tenant.id, seeded],
  );
const freshEvents = async (): Promise<string[]> => (await fresh()).map(({ event_id }) => event_id);

describe('replaying to an endpoint', () => {
  it.each(['succeeded', 'cancelled', 'dead_letter'] as const)(
    'delivers anew what is %s, oldest first',
    async (status) => {
      const events: string[] = [];
      for (const other of ['pending', 'succeeded', 'cancelled', 'dead_letter'] as const) {
        for (let n = 0; n < 3; n++) {
          const event = await seedEvent(api.db, tenant.id);
          await seed(event, other);
          if (other === status) events.push(event.id);
        }
      }
      const elsewhere = await createEndpoint();
      await seed(await seedEvent(api.db, tenant.id), status, elsewhere);

      const answer = await ask({ status });
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({
        status: 'running',
        total: 3,
        done: 0,
        failed: 0,
        finished_at: null,
        error: null,
      });
      expect(await finish(answer)).toMatchObject({ status: 'completed', total: 3, done: 3, failed: 0, error: null });
      expect(await freshEvents()).toEqual(events);
      expect((await fresh()).map((row) => [row.endpoint_id, row.max_attempts])).toEqual(Array(3).fill([endpointId, 5]));
    },
  );

  it('delivers what is missing: of a type it wants, not its own notices, and never delivered before', async () => {
    endpointId = await createEndpoint({ event_types: ['order.*', 'invoice.paid', 'posthaste.*'] });
    const wanted = [
      await seedEvent(api.db, tenant.id),
      await seedEvent(api.db, tenant.id, { eventType: 'invoice.paid' }),
      await seedEvent(api.db, tenant.id, { eventType: 'order.line.added' }),
    ];
    for (const eventType of ['orders.created', 'order', 'invoice.paid.late', 'posthaste.endpoint.disabled']) {
      await seedEvent(api.db, tenant.id, { eventType });
    }
    for (const status of ['pending', 'succeeded', 'cancelled'] as const) {
      await seed(await seedEvent(api.db, tenant.id), status);
    }
    const elsewhere = await createEndpoint();
    const first = wanted[0] as EventEntity;
    await seed(first, 'succeeded', elsewhere);

    const answer = await ask({ status: 'missing' });
    expect(answer.body.total).toBe(3);
    expect(await finish(answer)).toMatchObject({ status: 'completed', done: 3, failed: 0 });
    expect(await freshEvents()).toEqual(wanted.map(({ id }) => id));
    expect((await ask({ status: 'missing' })).body).toMatchObject({ status: 'completed', total: 0 });
  });

  it('leaves out what got its delivery between the request and its turn', async () => {
    const events = [await seedEvent(api.db, tenant.id), await seedEvent(api.db, tenant.id)];
    const answer = await ask({ status: 'missing' });
    await seed(events[0] as EventEntity, 'pending');
    expect(await finish(answer)).toMatchObject({ status: 'completed', total: 2, done: 1, failed: 0 });
    expect(await freshEvents()).toEqual([events[1]?.id]);
  });

  it('delivers every event it wants when no status is given, delivered or not', async () => {
    endpointId = await createEndpoint({ event_types: ['order.created'] });
    const delivered = await seedEvent(api.db, tenant.id);
    await seed(delivered, 'succeeded');
    const missing = await seedEvent(api.db, tenant.id);
    await seedEvent(api.db, tenant.id, { eventType: 'other' });
    const answer = await ask();
    expect(await finish(answer)).toMatchObject({ status: 'completed', total: 2, done: 2 });
    expect(await freshEvents()).toEqual([delivered.id, missing.id]);
  });

  it.each([undefined, 'missing', 'succeeded'])('keeps to its span of time (status %s)', async (status) => {
    const day = (n: number): EventEntity['id'] => newIdAt(Date.parse('2026-01-01T00:00:00Z') + n * 24 * 3_600_000);
    // Far outside of the usual retention.
    const old = await ApiApp.start({ module: ReplayApiModule, config: { retentionDays: 3_650 } });
    const here = await old.createTenant();
    const endpoint = (await here.call<{ id: string }>('POST', '/endpoints', { url: 'https://hooks.example.com/' })).body
      .id;
    const ids = [0, 1, 2, 3].map(day);
    for (const id of ids) {
      const event = await seedEvent(old.db, here.id, { id });
      if (status === 'succeeded') {
        await seedDelivery(old.db, event, endpoint, { id: `${id.slice(0, -1)}f`, status, completedAt: new Date() });
      }
    }
    const span = { since: '2026-01-02T00:00:00Z', until: '2026-01-04T00:00:00Z', status };
    const { body } = await here.call<ReplayBody>('POST', `/endpoints/${endpoint}/replay`, span);
    expect(body.total).toBe(2);
    await waitFor(
      async () => {
        await old.app.get(ReplayStepper).step();
        return (await here.call<ReplayBody>('GET', `/replays/${body.id}`)).body.status === 'completed';
      },
      { what: 'the replay to end' },
    );
    const rows = await old.db.query<{ event_id: string }[]>(
      `SELECT event_id FROM deliveries WHERE status = 'pending' ORDER BY event_id`,
    );
    expect(rows.map(({ event_id }) => event_id)).toEqual(ids.slice(1, 3));
    await old.close();
  });

  it('delivers an event once, however many of its deliveries match, and however often it is asked', async () => {
    const event = await seedEvent(api.db, tenant.id);
    await seed(event, 'cancelled');
    await seed(event, 'cancelled');
    expect(await finish(await ask({ status: 'cancelled' }))).toMatchObject({ total: 1, done: 1 });
    await api.db.query(
      `UPDATE deliveries SET status = 'cancelled', completed_at = now(), next_attempt_at = NULL
       WHERE event_id = $1 AND status = 'pending'`,
      [event.id],
    );
    expect(await finish(await ask({ status: 'cancelled' }))).toMatchObject({ total: 1, done: 1 });
    expect(await freshEvents()).toEqual([event.id]);
  });

  it('does not take in what is published or settled after the request', async () => {
    const event = await seedEvent(api.db, tenant.id);
    await seed(event, 'succeeded');
    const pending = await seed(await seedEvent(api.db, tenant.id), 'pending');
    const all = await ask({}, await createEndpoint());
    const succeeded = await ask({ status: 'succeeded' });
    expect([all.body.total, succeeded.body.total]).toEqual([2, 1]);
    await seed(await seedEvent(api.db, tenant.id), 'succeeded');
    await api.db.query(
      `UPDATE deliveries SET status = 'succeeded', completed_at = clock_timestamp() + interval '1 ms' WHERE id = $1`,
      [pending.id],
    );
    expect(await finish(all)).toMatchObject({ total: 2, done: 2 });
    expect(await finish(succeeded)).toMatchObject({ total: 1, done: 1 });
  });

  it('retries the dead letter, so that it resolves when the delivery succeeds', async () => {
    const event = await seedEvent(api.db, tenant.id);
    const delivery = await seed(event, 'dead_letter');
    const resolved = await seed(await seedEvent(api.db, tenant.id), 'dead_letter');
    await api.db.query('UPDATE dead_letters SET resolved_at = now() WHERE delivery_id = $1', [resolved.id]);
    expect(await finish(await ask({ status: 'dead_letter' }))).toMatchObject({ total: 1, done: 1, failed: 0 });
    const [letter] = await api.db.query<{ id: string }[]>('SELECT id FROM dead_letters WHERE delivery_id = $1', [
      delivery.id,
    ]);
    expect(await fresh()).toMatchObject([{ event_id: event.id, dead_letter_id: letter?.id }]);
    // Its retry is still under way, which a single retry would refuse, too.
    expect(await finish(await ask({ status: 'dead_letter' }))).toMatchObject({ total: 1, done: 0, failed: 1 });
  });

  it('counts what lost its event as failed', async () => {
    const [gone, kept] = [await seedEvent(api.db, tenant.id), await seedEvent(api.db, tenant.id)];
    await seed(gone, 'succeeded');
    await seed(kept, 'succeeded');
    await api.db.query('DELETE FROM events WHERE id = $1', [gone.id]);
    expect(await finish(await ask({ status: 'succeeded' }))).toMatchObject({ total: 2, done: 1, failed: 1 });
    expect(await freshEvents()).toEqual([kept.id]);
  });

  it('gets through more than a chunk, none lost, none twice, in order', async () => {
    const ids = await seedMany(650, 'succeeded');
    const answer = await ask({ status: 'succeeded' });
    expect(answer.body.total).toBe(650);
    expect(await finish(answer)).toMatchObject({ status: 'completed', done: 650, failed: 0 });
    const rows = await api.db.query<{ event_id: string }[]>(
      `SELECT event_id FROM deliveries WHERE tenant_id = $1 AND status = 'pending' ORDER BY id`,
      [tenant.id],
    );
    expect(rows.map(({ event_id }) => event_id)).toEqual(ids);
  });

  it('looks further when thousands of events in a row are none of its items', async () => {
    const ids = await seedMany(5_200, 'cancelled');
    const last = await seedEvent(api.db, tenant.id);
    const ordinary = await ask({ status: 'missing' });
    expect(await finish(ordinary)).toMatchObject({ total: 1, done: 1 });
    const first = ids[0] as string;
    await api.db.query(`UPDATE deliveries SET status = 'succeeded' WHERE event_id = ANY($1::uuid[])`, [
      [first, ids.at(-1)],
    ]);
    expect(await finish(await ask({ status: 'succeeded' }))).toMatchObject({ total: 2, done: 2 });
    expect((await freshEvents()).sort()).toEqual([first, ids.at(-1), last.id].sort());
  });

  it('refuses a second one while one runs, and two at the same instant', async () => {
    await seedMany(3, 'succeeded');
    const answers = await Promise.all([ask(), ask(), ask({ status: 'succeeded' })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    expect((await ask()).status).toBe(409);
    expect((await ask({}, await createEndpoint())).status).toBe(202);
    await finish(answers.find(({ status }) => status === 202) as Answer<ReplayBody>);
    expect((await ask()).status).toBe(202);
  });

  it('refuses more than twenty running at once for a tenant', async () => {
    await seedMany(1);
    for (let n = 0; n < 20; n++) expect((await ask({}, await createEndpoint())).status).toBe(202);
    expect((await ask()).status).toBe(409);
    expect((await retryAll()).status).toBe(409);
  });

  it('refuses an inactive endpoint and a suspended tenant', async () => {
    await tenant.call('PATCH', `/endpoints/${endpointId}`, { is_active: false });
    expect((await ask()).status).toBe(409);
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { status: 'suspended' } });
    const answers = [await ask(), await retryAll()];
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
    const answer = await ask(body);
    expect(answer.status).toBe(422);
    expect(refusedFields(answer as unknown as Answer)).toEqual([field]);
  });

  it("knows no malformed or unknown id, nor another tenant's", async () => {
    await seedMany(1);
    const { body } = await ask();
    const stranger = await api.createTenant();
    for (const id of [endpointId, randomUUID(), 'nonsense']) {
      expect((await stranger.call('POST', `/endpoints/${id}/replay`, { since: EPOCH })).status).toBe(404);
    }
    for (const id of [body.id, randomUUID(), 'nonsense']) {
      expect((await stranger.call('GET', `/replays/${id}`)).status).toBe(404);
    }
    expect((await tenant.call('GET', `/replays/${body.id}`)).status).toBe(200);
  });

  it('needs the scopes for deliveries', async () => {
    expect((await api.call('POST', `/endpoints/${endpointId}/replay`, { key: 'ph_nonsense', body: {} })).status).toBe(
      401,
    );
  });
});

describe('a replay that meets trouble', () => {
  it.each([
    ['deleted', () => tenant.call('DELETE', `/endpoints/${endpointId}`)],
    ['disabled', () => tenant.call('PATCH', `/endpoints/${endpointId}`, { is_active: false })],
  ])('ends when its endpoint is %s, and counts the rest as failed', async (what, change) => {
    await seedMany(450, 'succeeded');
    const { body } = await ask({ status: 'succeeded' });
    await stepUntil(body.id, ({ done }) => done > 0);
    await change();
    const ended = await stepUntil(body.id, ({ status }) => status !== 'running');
    expect(ended).toMatchObject({ status: 'failed', total: 450, done: 200, failed: 250 });
    expect(ended.error).toBe(`The endpoint was ${what}.`);
    expect(ended.finished_at).not.toBeNull();
  });

  it('is gone with its tenant', async () => {
    await seedMany(250, 'succeeded');
    const { body } = await ask({ status: 'succeeded' });
    await stepUntil(body.id, ({ done }) => done > 0);
    expect((await api.call('DELETE', `/tenants/${tenant.id}`)).status).toBe(204);
    expect(await api.db.query('SELECT FROM replays WHERE id = $1', [body.id])).toEqual([]);
    expect(await step()).toBe(false);
  });

  it('waits while its tenant is suspended', async () => {
    await seedMany(250, 'succeeded');
    const { body } = await ask({ status: 'succeeded' });
    await stepUntil(body.id, ({ done }) => done > 0);
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { status: 'suspended' } });
    await api.db.query(`UPDATE replays SET updated_at = now() - interval '1 minute' WHERE id = $1`, [body.id]);
    expect(await step()).toBe(false);
    await api.call('PATCH', `/tenants/${tenant.id}`, { body: { status: 'active' } });
    expect(await finish({ body } as Answer<ReplayBody>)).toMatchObject({ status: 'completed', done: 250 });
  });

  it('takes back the whole chunk when it fails, tries it again, and gives up after twenty failures in a row', async () => {
    await seedMany(250, 'succeeded');
    const { body } = await ask({ status: 'succeeded' });
    await stepUntil(body.id, ({ done }) => done === 200);
    await api.db.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no secrets for tenants'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON deliveries FOR EACH ROW EXECUTE FUNCTION refuse()`);
    try {
      const failOnce = async (): Promise<ReplayBody> => {
        await api.db.query(`UPDATE replays SET updated_at = now() - interval '1 minute' WHERE id = $1`, [body.id]);
        expect(await step()).toBe(true);
        return progress(body.id);
      };
      for (let n = 1; n <= 19; n++) {
        expect(await failOnce()).toMatchObject({ status: 'running', done: 200, failed: 0, error: null });
      }
      // Put off, so that it doesn't stand in front of the others.
      expect(await step()).toBe(false);
      const ended = await failOnce();
      expect(ended).toMatchObject({ status: 'failed', total: 250, done: 200, failed: 50 });
      expect(ended.error).not.toContain('secrets');
    } finally {
      await api.db.query('DROP FUNCTION refuse CASCADE');
    }
    expect(await fresh()).toHaveLength(200);
  });

  it('goes on where it was after a failure', async () => {
    await seedMany(250, 'succeeded');
    const { body } = await ask({ status: 'succeeded' });
    await api.db.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'once'; END $$;
      CREATE TRIGGER refuse AFTER UPDATE ON replays FOR EACH ROW WHEN (NEW.done > OLD.done) EXECUTE FUNCTION refuse()`);
    await waitFor(step, { what: 'a chunk that fails after its deliveries were made' });
    expect(await progress(body.id)).toMatchObject({ status: 'running', done: 0 });
    expect(await fresh()).toEqual([]);
    await api.db.query('DROP FUNCTION refuse CASCADE');
    expect(await finish({ body } as Answer<ReplayBody>)).toMatchObject({ status: 'completed', done: 250, failed: 0 });
    expect(new Set(await freshEvents()).size).toBe(250);
    expect(await fresh()).toHaveLength(250);
  });

  it('is paced, lets others take turns, and never runs twice at once', async () => {
    await seedMany(450, 'succeeded');
    const one = (await ask({ status: 'succeeded' })).body.id;
    const two = (await ask({}, await createEndpoint())).body.id;
    await api.db.query(`UPDATE replays SET updated_at = now() - interval '1 minute'`);
    // The third and the fourth find nothing that is due: both have just had their chunk, or are having it.
    expect((await Promise.all([step(), step(), step(), step()])).filter(Boolean)).toHaveLength(2);
    expect([(await progress(one)).done, (await progress(two)).done]).toEqual([200, 200]);
  });
});

describe('retrying dead letters by a filter', () => {
  const letterOf = async (values: Parameters<typeof seedDeadLetter>[3] = {}, at = endpointId): Promise<string> => {
    const event = await seedEvent(api.db, tenant.id, { eventType: values.eventType ?? 'order.created' });
    const delivery = await seedDelivery(api.db, event, at, { status: 'dead_letter', completedAt: new Date() });
    seeded.push(delivery.id);
    return (await seedDeadLetter(api.db, event, delivery, values)).id;
  };
  const retried = async (): Promise<(string | null)[]> => (await fresh()).map((row) => row.dead_letter_id);

  it('makes fresh deliveries of all that are unresolved, oldest first, even without their events', async () => {
    const letters = [await letterOf(), await letterOf(), await letterOf()];
    await letterOf({ resolvedAt: new Date(), resolution: 'resolved' });
    await api.db.query('DELETE FROM events WHERE tenant_id = $1', [tenant.id]);
    const answer = await retryAll();
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ status: 'running', total: 3, done: 0, failed: 0 });
    expect(await finish(answer)).toMatchObject({ status: 'completed', done: 3, failed: 0 });
    expect(await retried()).toEqual(letters);
    expect((await fresh()).map(({ max_attempts }) => max_attempts)).toEqual([5, 5, 5]);
  });

  it('keeps to each field of its filter', async () => {
    const elsewhere = await createEndpoint();
    const letters = {
      endpoint: await letterOf({}, elsewhere),
      type: await letterOf({ eventType: 'order.paid' }),
      reason: await letterOf({ reason: 'gone' }),
    };
    const filters = [
      [{ endpoint_id: elsewhere }, letters.endpoint],
      [{ event_type: 'order.paid' }, letters.type],
      [{ reason: 'gone' }, letters.reason],
    ] as const;
    for (const [filter, letter] of filters) {
      const before = await retried();
      expect(await finish(await retryAll(filter))).toMatchObject({ total: 1, done: 1 });
      expect((await retried()).filter((id) => !before.includes(id))).toEqual([letter]);
    }
    expect((await retryAll({ before: '2020-01-01T00:00:00Z' })).body).toMatchObject({ status: 'completed', total: 0 });
    expect((await retryAll({ after: EPOCH })).body.total).toBe(3);
    expect((await retryAll({ endpoint_id: randomUUID() })).body.total).toBe(0);
  });

  it('counts as failed what a single retry would refuse', async () => {
    const [pending, deleted, inactive] = [await createEndpoint(), await createEndpoint(), await createEndpoint()];
    const again = await letterOf({}, pending);
    expect((await tenant.call('POST', `/dead-letters/${again}/retry`)).status).toBe(202);
    await letterOf({}, deleted);
    await letterOf({}, inactive);
    await tenant.call('DELETE', `/endpoints/${deleted}`);
    await tenant.call('PATCH', `/endpoints/${inactive}`, { is_active: false });
    const good = await letterOf();
    expect(await finish(await retryAll())).toMatchObject({ status: 'completed', total: 4, done: 1, failed: 3 });
    expect((await retried()).sort()).toEqual([again, good].sort());
  });

  it('makes one delivery of a letter that two replays and a person want at once', async () => {
    const letter = await letterOf();
    const replays = await Promise.all([retryAll(), retryAll()]);
    await api.db.query(`UPDATE replays SET updated_at = now() - interval '1 minute'`);
    const [single] = await Promise.all([tenant.call('POST', `/dead-letters/${letter}/retry`), step(), step()]);
    const ended = await Promise.all(replays.map(finish));
    const made = ended.reduce((sum, { done }) => sum + done, 0) + (single.status === 202 ? 1 : 0);
    expect(made).toBe(1);
    expect(await retried()).toEqual([letter]);
  });

  it('does not take in letters that come, nor retries that are resolved, after the request', async () => {
    const resolved = await letterOf();
    const kept = await letterOf();
    const answer = await retryAll();
    await letterOf();
    await tenant.call('POST', `/dead-letters/${resolved}/resolve`);
    expect(await finish(answer)).toMatchObject({ status: 'completed', total: 2, done: 1, failed: 0 });
    expect(await retried()).toEqual([kept]);
  });

  it("leaves another tenant's alone", async () => {
    const letter = await letterOf();
    const stranger = await api.createTenant();
    const { body } = await stranger.call<ReplayBody>('POST', '/dead-letters/retry', { endpoint_id: endpointId });
    expect(body).toMatchObject({ status: 'completed', total: 0 });
    expect(await finish(await retryAll())).toMatchObject({ total: 1 });
    expect(await retried()).toEqual([letter]);
  });

  it.each([
    ['a filter it does not know', { resolved: true }, 'resolved'],
    ['a reason there is not', { reason: 'bored' }, 'reason'],
    ['a range that ends before it begins', { after: '2026-01-02T00:00:00Z', before: EPOCH }, 'after'],
  ])('refuses %s', async (_name, filter, field) => {
    const answer = await retryAll(filter);
    expect(answer.status).toBe(422);
    expect(refusedFields(answer as unknown as Answer)).toEqual([field]);
  });
});

/** A UUIDv7 of that time. */
function newIdAt(epochMs: number): string {
  const hex = epochMs.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

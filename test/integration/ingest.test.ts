import { newId } from '../../src/common/ids.js';
import type { IngestOutcome, Submission } from '../../src/events/ingestor.js';
import type { Config } from '../../src/config/config.js';
import type { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import type { Tenant } from '../../src/tenants/tenant.entity.js';
import { describeRedis } from '../support/backends.js';
import { Core, insertEndpoint, insertTenant, rowsOf, StatementLog, submission } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis-server.js';

let database: TestDatabase;
let core: Core;
let tenant: Tenant;
let endpoint: Endpoint;
const others: Core[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  core = await Core.start(database.url);
});
beforeEach(async () => {
  tenant = await insertTenant(core.db);
  endpoint = await insertEndpoint(core.db, tenant.id);
});
afterEach(async () => {
  await Promise.all(others.splice(0).map((other) => other.close()));
});
afterAll(async () => {
  await core.close();
  await database.drop();
});

/** Another process on the same database. */
async function anotherCore(config: Partial<Config> = {}): Promise<Core> {
  const other = await Core.start(database.url, { config });
  others.push(other);
  return other;
}

type Event = Partial<Submission['event']>;
const post = (event: Event = {}, key: string | null = null, through = core): Promise<IngestOutcome> =>
  through.ingestor.submit(submission(tenant.id, event, key));

/** The id of an event that was accepted or is a duplicate of one. */
function idOf(outcome: IngestOutcome | undefined): string {
  if (outcome?.kind !== 'accepted' && outcome?.kind !== 'duplicate') throw new Error(`Not taken: ${outcome?.kind}`);
  return outcome.event.id;
}
const count = (outcomes: IngestOutcome[], kind: IngestOutcome['kind']): number =>
  outcomes.filter((outcome) => outcome.kind === kind).length;

interface DeliveryRow {
  id: string;
  event_id: string;
  endpoint_id: string;
  status: string;
  held_by: string | null;
  lease_no: number;
  max_attempts: number;
  is_leased: boolean;
  wait_seconds: number | null;
}
const deliveriesOf = (eventId: string): Promise<DeliveryRow[]> =>
  rowsOf(
    core.db,
    `SELECT id, event_id, endpoint_id, status, held_by, lease_no, max_attempts, leased_until > now() IS TRUE AS is_leased,
       extract(epoch FROM next_attempt_at - created_at)::float8 AS wait_seconds
     FROM deliveries WHERE event_id = $1 ORDER BY endpoint_id`,
    [eventId],
  );
const storedEvents = async (): Promise<number> =>
  (await rowsOf<{ n: number }>(core.db, 'SELECT count(*)::int AS n FROM events WHERE tenant_id = $1', [tenant.id]))[0]
    ?.n ?? -1;
const heldKeys = async (): Promise<string[]> =>
  (
    await rowsOf<{ key: string }>(
      core.db,
      `SELECT kind || ' ' || key AS key FROM idempotency_keys WHERE tenant_id = $1 ORDER BY 1`,
      [tenant.id],
    )
  ).map(({ key }) => key);

describe('what is accepted', () => {
  it('is stored as it was posted, with the time that its id tells', async () => {
    const payload = '{"b": 1.0,\n "a":12345678901234567890, "text":"\\u0000 \u{1f600} \\""}';
    const outcome = await post({ eventId: 'order-1', source: 'shop "x", {y}', payload }, 'key,1');
    expect(outcome).toMatchObject({
      kind: 'accepted',
      event: { eventId: 'order-1', eventType: 'order.created', deliveries: 1 },
    });
    const [row] = await rowsOf<{ created_at: Date }>(core.db, 'SELECT * FROM events WHERE id = $1', [idOf(outcome)]);
    expect(row).toMatchObject({
      tenant_id: tenant.id,
      event_id: 'order-1',
      event_type: 'order.created',
      source: 'shop "x", {y}',
      payload,
      traceparent: submission(tenant.id).traceparent,
    });
    expect(outcome).toMatchObject({ event: { createdAt: row?.created_at } });
  });

  it('goes to each endpoint that wants its type, and answers with their number', async () => {
    await insertEndpoint(core.db, tenant.id, { eventTypes: ['order.*'] });
    await insertEndpoint(core.db, tenant.id, { eventTypes: ['user.created'] });
    await insertEndpoint(core.db, tenant.id, { isActive: false });
    const stranger = await insertTenant(core.db);
    await insertEndpoint(core.db, stranger.id);
    const outcome = await post();
    expect(outcome).toMatchObject({ event: { deliveries: 2 } });
    expect(await deliveriesOf(idOf(outcome))).toHaveLength(2);
  });

  it('is kept though no endpoint wants it', async () => {
    await core.db.query('UPDATE endpoints SET is_active = false WHERE tenant_id = $1', [tenant.id]);
    const outcome = await post();
    expect(outcome).toMatchObject({ kind: 'accepted', event: { deliveries: 0 } });
    expect(await storedEvents()).toBe(1);
  });

  it('is leased to the queue at once when it is due at once', async () => {
    const [delivery] = await deliveriesOf(idOf(await post()));
    expect(delivery).toMatchObject({ status: 'pending', held_by: null, lease_no: 1, is_leased: true, max_attempts: 7 });
    await waitFor(async () => (await core.queue.bullQueue.getJob(`${delivery?.id}-1`)) !== undefined, {
      what: 'its job',
    });
  });

  it('waits in PostgreSQL for a first attempt that is not due at once', async () => {
    const retryPolicy = { max_attempts: 3, schedule_seconds: [90], jitter: 0 };
    const later = await insertEndpoint(core.db, tenant.id, { retryPolicy });
    const deliveries = await deliveriesOf(idOf(await post({ endpointIds: [later.id] })));
    expect(deliveries).toEqual([
      expect.objectContaining({ held_by: null, lease_no: 0, is_leased: false, max_attempts: 3 }),
    ]);
    expect(deliveries[0]?.wait_seconds).toBeCloseTo(90, 1);
  });

  it('is held for a named endpoint that is disabled', async () => {
    const disabled = await insertEndpoint(core.db, tenant.id, { isActive: false });
    expect(await deliveriesOf(idOf(await post({ endpointIds: [disabled.id] })))).toEqual([
      expect.objectContaining({ held_by: 'disabled', is_leased: false, wait_seconds: null, lease_no: 0 }),
    ]);
  });

  it('is put aside beyond the share of its endpoint', async () => {
    const narrow = await anotherCore({ queueWindowPerEndpoint: 3 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => post({}, null, narrow)));
    const deliveries = (await Promise.all(outcomes.map((outcome) => deliveriesOf(idOf(outcome))))).flat();
    expect(deliveries.filter(({ is_leased }) => is_leased)).toHaveLength(3);
    const held = deliveries.filter(({ is_leased }) => !is_leased);
    expect(held.map(({ held_by, wait_seconds }) => [held_by, wait_seconds])).toEqual(
      Array.from({ length: 5 }, () => ['fairness', null]),
    );
  });

  it('names the endpoints that do not exist, stores nothing, and keeps no key', async () => {
    const unknown = newId();
    const stranger = await insertTenant(core.db);
    const foreign = await insertEndpoint(core.db, stranger.id);
    const outcome = await post({ eventId: 'x', endpointIds: [endpoint.id, unknown, foreign.id] }, 'k');
    expect(outcome).toEqual({ kind: 'unknown_endpoints', endpointIds: [unknown, foreign.id] });
    expect(await storedEvents()).toBe(0);
    expect(await heldKeys()).toEqual([]);
  });
});

describe('many at once', () => {
  it('share commits', async () => {
    const other = await anotherCore();
    const log = StatementLog.on(other.db);
    const outcomes = await Promise.all(Array.from({ length: 150 }, (_, n) => post({ eventId: `n${n}` }, null, other)));
    expect(count(outcomes, 'accepted')).toBe(150);
    expect(await storedEvents()).toBe(150);
    expect(log.count('COMMIT')).toBeLessThanOrEqual(3);
  });

  it('keep a bad one from failing its neighbours', async () => {
    const outcomes = await Promise.allSettled([
      post({ eventId: 'good-1' }),
      post({ eventId: 'bad', payload: '"\0"' }),
      post({ eventId: 'good-2' }),
      post({ eventId: 'bad-\0' }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(await storedEvents()).toBe(2);
    expect(await heldKeys()).toEqual(['event_id good-1', 'event_id good-2']);
    expect(await post({ eventId: 'bad' })).toMatchObject({ kind: 'accepted' });
  });

  it('do not store an event twice when a neighbour fails that had to be tried again', async () => {
    await post({ eventId: 'held' });
    // Bad only once it may claim its key: in the first round the leader of that key is one that turns out to be a conflict.
    const outcomes = await Promise.allSettled([
      post({ source: 'no key' }),
      post({ eventId: 'held', payload: '2' }, 'shared'),
      post({ payload: '"\0"' }, 'shared'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    const stored = await rowsOf(core.db, `SELECT FROM events WHERE tenant_id = $1 AND source = 'no key'`, [tenant.id]);
    expect(stored).toHaveLength(1);
  });

  it('neither block each other nor lose one when eight processes post the same keys in different orders', async () => {
    const cores = await Promise.all(Array.from({ length: 8 }, () => anotherCore({ databasePoolSize: 3 })));
    const keys = Array.from({ length: 30 }, (_, n) => n);
    const outcomes = await Promise.all(
      cores.flatMap((through, index) => {
        const order = [...keys.slice(index * 3), ...keys.slice(0, index * 3)];
        if (index % 2 === 1) order.reverse();
        return order.map((n) => post({ eventId: `e${n}` }, `h${(n * 7) % 30}`, through));
      }),
    );
    expect(count(outcomes, 'accepted')).toBe(30);
    expect(count(outcomes, 'duplicate')).toBe(210);
    expect(await storedEvents()).toBe(30);
    expect(new Set(outcomes.map(idOf)).size).toBe(30);
  });
});

describe('an event that was posted before', () => {
  it.each<[string, Event, string | null]>([
    ['its event_id', { eventId: 'a' }, null],
    ['its Idempotency-Key', {}, 'a'],
    ['both', { eventId: 'a' }, 'a'],
  ])('is known by %s, and gets the first answer', async (_name, event, key) => {
    const first = await post(event, key);
    await insertEndpoint(core.db, tenant.id);
    const second = await post(event, key);
    expect(second).toEqual({ ...first, kind: 'duplicate' });
    expect(await storedEvents()).toBe(1);
    expect(await deliveriesOf(idOf(first))).toHaveLength(1);
  });

  it('is a conflict with other content under the same key, which is named', async () => {
    await post({ eventId: 'a' }, 'b');
    expect(await post({ eventId: 'a', payload: '2' })).toEqual({ kind: 'conflict', key: 'event_id' });
    expect(await post({ payload: '2' }, 'b')).toEqual({ kind: 'conflict', key: 'header' });
    expect(await post({ eventType: 'order.paid' }, 'b')).toEqual({ kind: 'conflict', key: 'header' });
    expect(await storedEvents()).toBe(1);
  });

  it('is another one under the same text in the other name space, and in another tenant', async () => {
    await post({ eventId: 'same' });
    expect(await post({ payload: '2' }, 'same')).toMatchObject({ kind: 'accepted' });
    const stranger = await insertTenant(core.db);
    expect(await core.ingestor.submit(submission(stranger.id, { eventId: 'same', payload: '3' }, 'same'))).toMatchObject({
      kind: 'accepted',
    });
  });

  it('is known within one batch: one is accepted, the others are its duplicates', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => post({ eventId: 'a' }, 'b')));
    expect(count(outcomes, 'accepted')).toBe(1);
    expect(count(outcomes, 'duplicate')).toBe(19);
    expect(new Set(outcomes.map(idOf)).size).toBe(1);
    expect(await storedEvents()).toBe(1);
  });

  it('is known between two processes that race for it', async () => {
    const other = await anotherCore();
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.all([
        post({ eventId: `race-${round}` }),
        post({ eventId: `race-${round}` }, null, other),
      ]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['accepted', 'duplicate']);
      expect(new Set(outcomes.map(idOf)).size).toBe(1);
    }
    expect(await storedEvents()).toBe(20);
  });

  it('is new again once its key has expired, and holds the key from then on', async () => {
    const first = await post({ eventId: 'a' }, 'b');
    await core.db.query(`UPDATE idempotency_keys SET expires_at = now() WHERE tenant_id = $1`, [tenant.id]);
    const second = await post({ eventId: 'a', payload: '2' }, 'b');
    expect(second).toMatchObject({ kind: 'accepted' });
    expect(idOf(second)).not.toBe(idOf(first));
    expect(idOf(await post({ eventId: 'a', payload: '2' }))).toBe(idOf(second));
    expect(idOf(await post({ payload: '2' }, 'b'))).toBe(idOf(second));
    const [key] = await rowsOf<{ hours: number }>(
      core.db,
      `SELECT extract(epoch FROM expires_at - now())::float8 / 3600 AS hours FROM idempotency_keys WHERE tenant_id = $1`,
      [tenant.id],
    );
    expect(key?.hours).toBeCloseTo(24, 1);
  });
});

describe('an event of whose two keys one is held', () => {
  beforeEach(() => post({}, 'held'));

  it('is a duplicate with the same content, and gives the other key back', async () => {
    expect(await post({ eventId: 'free' }, 'held')).toMatchObject({ kind: 'duplicate', event: { eventId: null } });
    expect(await heldKeys()).toEqual(['header held']);
    expect(await post({ eventId: 'free', payload: '2' })).toMatchObject({ kind: 'accepted' });
  });

  it('is a conflict with other content, and gives the other key back', async () => {
    expect(await post({ eventId: 'free', payload: '2' }, 'held')).toEqual({ kind: 'conflict', key: 'header' });
    expect(await heldKeys()).toEqual(['header held']);
  });

  it('leaves the other key to a neighbour in the same batch', async () => {
    const outcomes = await Promise.all([post({ eventId: 'free', payload: '2' }, 'held'), post({ eventId: 'free' })]);
    expect(outcomes).toMatchObject([{ kind: 'conflict' }, { kind: 'accepted', event: { eventId: 'free' } }]);
    expect(await heldKeys()).toEqual(['event_id free', 'header held']);
  });
});

describe('when PostgreSQL goes away', () => {
  it('rejects what it could not commit, stores none of it, and goes on when it is back', async () => {
    const other = await anotherCore({ databasePoolSize: 2 });
    await post({}, null, other);
    // Stops every commit before it begins, and then takes the connections away: a server that died in between.
    const blocker = core.db.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE');
    const lost = Promise.allSettled([post({ eventId: 'x' }, 'y', other), post({ eventId: 'z' }, null, other)]);
    const waiting = `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO idempotency_keys%'
      AND datname = current_database()`;
    await waitFor(async () => (await core.db.query<unknown[]>(`SELECT ${waiting}`)).length > 0, {
      what: 'the commit to wait',
    });
    await core.db.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
    await blocker.rollbackTransaction();
    await blocker.release();
    expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await storedEvents()).toBe(1);
    expect(await heldKeys()).toEqual([]);
    expect(await post({ eventId: 'x' }, 'y', other)).toMatchObject({ kind: 'accepted' });
  });
});

describeRedis('when Redis goes away', () => {
  let redis: TestRedis | undefined;
  afterEach(() => redis?.stop());

  it('accepts all the same, gives the leases back, and the feeder delivers when Redis is there again', async () => {
    redis = await startRedis();
    const { port } = redis;
    const other = await anotherCore({ redisUrl: redis.url });
    await redis.kill('SIGKILL');
    await waitFor(() => !other.queue.available, { what: 'the loss to be noticed' });
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => post({}, null, other)));
    const eventIds = outcomes.map(idOf);
    const pending = (condition: string): Promise<unknown[]> =>
      core.db.query(`SELECT FROM deliveries WHERE event_id = ANY($1) AND status = 'pending' AND ${condition}`, [eventIds]);
    await waitFor(async () => (await pending('leased_until IS NULL AND next_attempt_at <= now()')).length === 5, {
      what: 'the leases to be given back',
    });

    redis = await startRedis({ port });
    const taken = new Set<string>();
    other.consume((job) => Promise.resolve(void taken.add(job.eventId)));
    other.feeder.onApplicationBootstrap();
    await waitFor(() => taken.size === 5, { timeoutMs: 20_000, what: 'all five to be delivered' });
    expect([...taken].sort()).toEqual([...eventIds].sort());
  });
});

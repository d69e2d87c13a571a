import { newId } from '../../src/common/ids.js';
import { describeRedis } from '../support/backends.js';
import { insertEndpoint, insertTenant, rowsOf, StatementLog, submission } from '../support/core.js';
import { countOf, idOf, IngestHarness } from '../support/ingest-harness.js';
import { waitFor } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis-server.js';

const ingest = IngestHarness.use();

describe('what is accepted', () => {
  it('is stored as it was posted, with the time that its id tells', async () => {
    const payload = '{"b": 1.0,\n "a":12345678901234567890, "text":"\\u0000 \u{1f600} \\""}';
    const outcome = await ingest.post({ eventId: 'order-1', source: 'shop "x", {y}', payload }, 'key,1');
    expect(outcome).toMatchObject({
      kind: 'accepted',
      event: { eventId: 'order-1', eventType: 'order.created', deliveries: 1 },
    });
    const [row] = await rowsOf<{ created_at: Date }>(ingest.core.db, 'SELECT * FROM events WHERE id = $1', [
      idOf(outcome),
    ]);
    expect(row).toMatchObject({
      tenant_id: ingest.tenant.id,
      event_id: 'order-1',
      event_type: 'order.created',
      source: 'shop "x", {y}',
      payload,
      traceparent: submission(ingest.tenant.id).traceparent,
    });
    expect(outcome).toMatchObject({ event: { createdAt: row?.created_at } });
  });

  it('goes to each endpoint that wants its type, and answers with their number', async () => {
    await insertEndpoint(ingest.core.db, ingest.tenant.id, { eventTypes: ['order.*'] });
    await insertEndpoint(ingest.core.db, ingest.tenant.id, { eventTypes: ['user.created'] });
    await insertEndpoint(ingest.core.db, ingest.tenant.id, { isActive: false });
    const stranger = await insertTenant(ingest.core.db);
    await insertEndpoint(ingest.core.db, stranger.id);
    const outcome = await ingest.post();
    expect(outcome).toMatchObject({ event: { deliveries: 2 } });
    expect(await ingest.deliveriesOf(idOf(outcome))).toHaveLength(2);
  });

  it('is kept though no endpoint wants it', async () => {
    await ingest.core.db.query('UPDATE endpoints SET is_active = false WHERE tenant_id = $1', [ingest.tenant.id]);
    const outcome = await ingest.post();
    expect(outcome).toMatchObject({ kind: 'accepted', event: { deliveries: 0 } });
    expect(await ingest.storedEvents()).toBe(1);
  });

  it('is leased to the queue at once when it is due at once', async () => {
    const [delivery] = await ingest.deliveriesOf(idOf(await ingest.post()));
    expect(delivery).toMatchObject({ status: 'pending', held_by: null, lease_no: 1, is_leased: true, max_attempts: 7 });
    await waitFor(async () => (await ingest.core.queue.bullQueue.getJob(`${delivery?.id}-1`)) !== undefined, {
      what: 'its job',
    });
  });

  it('waits in PostgreSQL for a first attempt that is not due at once', async () => {
    const retryPolicy = { max_attempts: 3, schedule_seconds: [90], jitter: 0 };
    const later = await insertEndpoint(ingest.core.db, ingest.tenant.id, { retryPolicy });
    const deliveries = await ingest.deliveriesOf(idOf(await ingest.post({ endpointIds: [later.id] })));
    expect(deliveries).toEqual([
      expect.objectContaining({ held_by: null, lease_no: 0, is_leased: false, max_attempts: 3 }),
    ]);
    expect(deliveries[0]?.wait_seconds).toBeCloseTo(90, 1);
  });

  it('is held for a named endpoint that is disabled', async () => {
    const disabled = await insertEndpoint(ingest.core.db, ingest.tenant.id, { isActive: false });
    expect(await ingest.deliveriesOf(idOf(await ingest.post({ endpointIds: [disabled.id] })))).toEqual([
      expect.objectContaining({ held_by: 'disabled', is_leased: false, wait_seconds: null, lease_no: 0 }),
    ]);
  });

  it('is put aside beyond the share of its endpoint', async () => {
    const narrow = await ingest.anotherCore({ queueWindowPerEndpoint: 3 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => ingest.post({}, null, narrow)));
    const deliveries = (await Promise.all(outcomes.map((outcome) => ingest.deliveriesOf(idOf(outcome))))).flat();
    expect(deliveries.filter(({ is_leased }) => is_leased)).toHaveLength(3);
    const held = deliveries.filter(({ is_leased }) => !is_leased);
    expect(held.map(({ held_by, wait_seconds }) => [held_by, wait_seconds])).toEqual(
      Array.from({ length: 5 }, () => ['fairness', null]),
    );
  });

  it('names the endpoints that do not exist, stores nothing, and keeps no key', async () => {
    const unknown = newId();
    const stranger = await insertTenant(ingest.core.db);
    const foreign = await insertEndpoint(ingest.core.db, stranger.id);
    const outcome = await ingest.post({ eventId: 'x', endpointIds: [ingest.endpoint.id, unknown, foreign.id] }, 'k');
    expect(outcome).toEqual({ kind: 'unknown_endpoints', endpointIds: [unknown, foreign.id] });
    expect(await ingest.storedEvents()).toBe(0);
    expect(await ingest.heldKeys()).toEqual([]);
  });
});

describe('many at once', () => {
  it('share commits', async () => {
    const other = await ingest.anotherCore();
    const log = StatementLog.on(other.db);
    const outcomes = await Promise.all(
      Array.from({ length: 150 }, (_, n) => ingest.post({ eventId: `n${n}` }, null, other)),
    );
    expect(countOf(outcomes, 'accepted')).toBe(150);
    expect(await ingest.storedEvents()).toBe(150);
    expect(log.count('COMMIT')).toBeLessThanOrEqual(3);
  });

  it('keep a bad one from failing its neighbours', async () => {
    const outcomes = await Promise.allSettled([
      ingest.post({ eventId: 'good-1' }),
      ingest.post({ eventId: 'bad', payload: '"\0"' }),
      ingest.post({ eventId: 'good-2' }),
      ingest.post({ eventId: 'bad-\0' }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(await ingest.storedEvents()).toBe(2);
    expect(await ingest.heldKeys()).toEqual(['event_id good-1', 'event_id good-2']);
    expect(await ingest.post({ eventId: 'bad' })).toMatchObject({ kind: 'accepted' });
  });

  it('do not store an event twice when a neighbour fails that had to be tried again', async () => {
    await ingest.post({ eventId: 'held' });
    // Bad only once it may claim its key: in the first round the leader of that key is one that turns out to be a conflict.
    const outcomes = await Promise.allSettled([
      ingest.post({ source: 'no key' }),
      ingest.post({ eventId: 'held', payload: '2' }, 'shared'),
      ingest.post({ payload: '"\0"' }, 'shared'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    const stored = await rowsOf(ingest.core.db, `SELECT FROM events WHERE tenant_id = $1 AND source = 'no key'`, [
      ingest.tenant.id,
    ]);
    expect(stored).toHaveLength(1);
  });

  it('neither block each other nor lose one when eight processes post the same keys in different orders', async () => {
    const cores = await Promise.all(Array.from({ length: 8 }, () => ingest.anotherCore({ databasePoolSize: 3 })));
    const logs = cores.map(({ db }) => StatementLog.on(db));
    const keys = Array.from({ length: 30 }, (_, n) => n);
    const outcomes = await Promise.all(
      cores.flatMap((through, index) => {
        const order = [...keys.slice(index * 3), ...keys.slice(0, index * 3)];
        if (index % 2 === 1) order.reverse();
        return order.map((n) => ingest.post({ eventId: `e${n}` }, `h${(n * 7) % 30}`, through));
      }),
    );
    // A deadlock would be made good, after a second's wait and event by event.
    expect(logs.flatMap(({ errorCodes }) => errorCodes)).toEqual([]);
    expect(countOf(outcomes, 'accepted')).toBe(30);
    expect(countOf(outcomes, 'duplicate')).toBe(210);
    expect(await ingest.storedEvents()).toBe(30);
    expect(new Set(outcomes.map(idOf)).size).toBe(30);
  });
});

describe('when PostgreSQL goes away', () => {
  it('rejects what it could not commit, stores none of it, and goes on when it is back', async () => {
    const other = await ingest.anotherCore({ databasePoolSize: 2 });
    await ingest.post({}, null, other);
    // Stops every commit before it begins, and then takes the connections away: a server that died in between.
    const blocker = ingest.core.db.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE');
    const lost = Promise.allSettled([
      ingest.post({ eventId: 'x' }, 'y', other),
      ingest.post({ eventId: 'z' }, null, other),
    ]);
    const waiting = `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO idempotency_keys%'
      AND datname = current_database()`;
    await waitFor(async () => (await ingest.core.db.query<unknown[]>(`SELECT ${waiting}`)).length > 0, {
      what: 'the commit to wait',
    });
    await ingest.core.db.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
    await blocker.rollbackTransaction();
    await blocker.release();
    expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await ingest.storedEvents()).toBe(1);
    expect(await ingest.heldKeys()).toEqual([]);
    expect(await ingest.post({ eventId: 'x' }, 'y', other)).toMatchObject({ kind: 'accepted' });
  });
});

describeRedis('when Redis goes away', () => {
  let redis: TestRedis | undefined;
  afterEach(() => redis?.stop());

  it('accepts all the same, gives the leases back, and the feeder delivers when Redis is there again', async () => {
    redis = await startRedis();
    const { port } = redis;
    const other = await ingest.anotherCore({ redisUrl: redis.url });
    await redis.kill('SIGKILL');
    await waitFor(() => !other.queue.available, { what: 'the loss to be noticed' });
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => ingest.post({}, null, other)));
    const eventIds = outcomes.map(idOf);
    const pending = (condition: string): Promise<unknown[]> =>
      ingest.core.db.query(`SELECT FROM deliveries WHERE event_id = ANY($1) AND status = 'pending' AND ${condition}`, [
        eventIds,
      ]);
    await waitFor(async () => (await pending('leased_until IS NULL AND next_attempt_at <= now()')).length === 5, {
      what: 'the leases to be given back',
    });

    redis = await startRedis({ port });
    // What other tests have left in this database comes along.
    const taken: string[] = [];
    other.consume((job) => Promise.resolve(void taken.push(job.eventId)));
    other.feeder.onApplicationBootstrap();
    const ours = (): string[] => taken.filter((id) => eventIds.includes(id));
    await waitFor(() => ours().length === 5, { what: 'all five to be delivered' });
    expect(ours().sort()).toEqual([...eventIds].sort());
  });
});

import { isDeepStrictEqual } from 'node:util';
import type { Job } from 'bullmq';
import { Redis } from 'ioredis';
import { newId } from '../../src/common/ids.js';
import type { Config } from '../../src/config/config.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import type { Tenant } from '../../src/tenants/tenant.entity.js';
import type { LeasedDelivery } from '../../src/queue/delivery-queue.js';
import type { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import { describeBackends, describeRedis, type Backend } from '../support/backends.js';
import { Core, insertEndpoint, insertTenant, rowsOf, StatementLog } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';
import { redisUrlForTests, startRedis } from '../support/redis-server.js';
import { seedDelivery, seedEvent } from '../support/seed.js';

let database: TestDatabase;
const cores: Core[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
  await database.drop();
});

async function startCore(config: Partial<Config> = {}): Promise<Core> {
  const core = await Core.start(database.url, { config });
  cores.push(core);
  return core;
}

interface Target {
  tenant: Tenant;
  endpoint: Endpoint;
}
async function newTarget(core: Core, tenant?: Tenant): Promise<Target> {
  const owner = tenant ?? (await insertTenant(core.db));
  return { tenant: owner, endpoint: await insertEndpoint(core.db, owner.id) };
}

/** So many deliveries that are due, oldest first. */
async function seedDue(core: Core, { tenant, endpoint }: Target, count: number): Promise<string[]> {
  const event = await seedEvent(core.db, tenant.id);
  const ids = Array.from({ length: count }, newId);
  await core.db.query(
    `INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
     SELECT id, $2, $3, $4, 'order.created', 7, now() - interval '1 minute' + n * interval '1 millisecond'
     FROM unnest($1::uuid[]) WITH ORDINALITY AS one (id, n)`,
    [ids, tenant.id, event.id, endpoint.id],
  );
  return ids;
}

/** Delivers what comes out of the queue, as a worker does whose endpoints all answer at once. */
function deliverAll(core: Core, delivered: string[], concurrency = 20): void {
  core.consume(async (job) => {
    const delivery = await core.store.load(job);
    if (delivery === null) return;
    delivered.push(delivery.id);
    await core.store.record({ delivery, outcome: { kind: 'succeeded' }, attempt: null, maxAttempts: 7 });
    core.feeder.completed(delivery.tenant_id, delivery.endpoint_id);
  }, concurrency);
}

const LOOK_FOR_DUE = 'WITH run_out AS';
/** Runs the feeder, and tells how often it has looked for due deliveries since. */
function startFeeder(core: Core): { looks: () => number; moreLooks: (count: number) => Promise<void> } {
  const log = StatementLog.on(core.db);
  core.feeder.onApplicationBootstrap();
  const looks = (): number => log.count(LOOK_FOR_DUE);
  const moreLooks = async (count: number): Promise<void> => {
    const until = looks() + count;
    await waitFor(() => looks() >= until, { what: `${count} more ticks` });
  };
  return { looks, moreLooks };
}

interface Row {
  id: string;
  lease_no: number;
  is_leased: boolean;
  held_by: string | null;
}
const rowsOfAll = (core: Core, endpointId?: string): Promise<Row[]> =>
  rowsOf(
    core.db,
    `SELECT id, lease_no, leased_until > now() IS TRUE AS is_leased, held_by FROM deliveries
     WHERE $1::uuid IS NULL OR endpoint_id = $1 ORDER BY id`,
    [endpointId ?? null],
  );
/** `<delivery id>-<lease no>` of what is in the queue. */
const queued = async (core: Core): Promise<string[]> =>
  (await core.queue.bullQueue.getJobs(['waiting', 'prioritized']))
    .flatMap((job: Job<{ deliveries: LeasedDelivery[] }>) => job.data.deliveries)
    .map(({ deliveryId, leaseNo }) => `${deliveryId}-${leaseNo}`)
    .sort();

describeBackends('the feeder', (backend: Backend) => {
  const start = (config: Partial<Config> = {}): Promise<Core> =>
    startCore(backend === 'redis' ? { redisUrl: redisUrlForTests() as string, ...config } : config);

  it('leases and enqueues what is due, once, and leaves the rest alone', async () => {
    const core = await start();
    const { tenant, endpoint } = await newTarget(core);
    const event = await seedEvent(core.db, tenant.id);
    const seed = (values: Partial<Delivery>): Promise<Delivery> => seedDelivery(core.db, event, endpoint.id, values);
    const due = await seed({ nextAttemptAt: new Date(Date.now() - 1_000) });
    const untouched = [
      await seed({ nextAttemptAt: new Date(Date.now() + 60_000) }),
      await seed({ nextAttemptAt: null, heldBy: 'disabled' }),
      await seed({ nextAttemptAt: null, status: 'succeeded' }),
      await seed({ leasedUntil: new Date(Date.now() + 60_000), nextAttemptAt: new Date(Date.now() - 1_000) }),
    ];
    const { moreLooks } = startFeeder(core);
    await waitFor(async () => (await queued(core)).includes(`${due.id}-1`), { what: 'the job' });
    await moreLooks(3);
    expect(await queued(core)).toEqual([`${due.id}-1`]);
    const rows = await rowsOfAll(core);
    expect(rows.find(({ id }) => id === due.id)).toMatchObject({ lease_no: 1, is_leased: true, held_by: null });
    for (const { id } of untouched) expect(rows.find((row) => row.id === id)?.lease_no).toBe(0);
  });

  it('enqueues a delivery again when its lease ran out, and voids the old job', async () => {
    const core = await start();
    const { tenant, endpoint } = await newTarget(core);
    const event = await seedEvent(core.db, tenant.id);
    const { id } = await seedDelivery(core.db, event, endpoint.id, {
      leaseNo: 3,
      leasedUntil: new Date(Date.now() - 1),
    });
    startFeeder(core);
    await waitFor(async () => (await queued(core)).includes(`${id}-4`), { what: 'the new job' });
    const ids = { deliveryId: id, eventId: event.id, endpointId: endpoint.id };
    expect(await core.store.load({ ...ids, leaseNo: 3 })).toBeNull();
    expect(await core.store.load({ ...ids, leaseNo: 4 })).toMatchObject({ id });
  });

  it('looks at what is new only, and at all now and then, for what was late', async () => {
    const core = await start();
    const { tenant, endpoint } = await newTarget(core);
    const event = await seedEvent(core.db, tenant.id);
    const log = StatementLog.on(core.db);
    // In s; null: at all.
    const since = (): unknown => log.last(LOOK_FOR_DUE).parameters[1];
    core.feeder.onApplicationBootstrap();
    await waitFor(() => log.count(LOOK_FOR_DUE) > 0 && since() === null, { what: 'a look at all' });
    await waitFor(() => typeof since() === 'number', { what: 'a look at what is new' });
    expect(since()).toBeGreaterThan(10);
    const late = [
      await seedDelivery(core.db, event, endpoint.id, { nextAttemptAt: new Date(Date.now() - 3_600_000) }),
      await seedDelivery(core.db, event, endpoint.id, { leasedUntil: new Date(Date.now() - 3_600_000) }),
    ];
    const jobs = late.map(({ id }) => `${id}-1`).sort();
    await waitFor(async () => isDeepStrictEqual(await queued(core), jobs), { what: 'both jobs' });
  });

  it('keeps each endpoint, each tenant and everybody together within their shares', async () => {
    const core = await start({ queueWindowPerEndpoint: 5, queueWindowPerTenant: 8, queueWindowTotal: 12 });
    const first = await newTarget(core);
    const sibling = await newTarget(core, first.tenant);
    const stranger = await newTarget(core);
    for (const target of [first, sibling, stranger]) await seedDue(core, target, 20);
    const { moreLooks } = startFeeder(core);
    await moreLooks(6);
    const leasedOf = async ({ endpoint }: Target): Promise<number> =>
      (await rowsOfAll(core, endpoint.id)).filter((row) => row.is_leased).length;
    const [one, two, three] = [await leasedOf(first), await leasedOf(sibling), await leasedOf(stranger)];
    expect(Math.max(one, two, three)).toBeLessThanOrEqual(5);
    expect(one + two).toBe(8);
    expect(three).toBe(4);
    expect(await queued(core)).toHaveLength(12);
    const rest = (await rowsOfAll(core)).filter((row) => !row.is_leased);
    expect(rest.map(({ held_by }) => held_by)).toEqual(Array.from({ length: 48 }, () => 'fairness'));
  });

  it('fills a freed place at once, oldest first, so that the tick does not cap the rate', async () => {
    const core = await start({ queueWindowPerEndpoint: 3 });
    const ids = await seedDue(core, await newTarget(core), 120);
    const delivered: string[] = [];
    deliverAll(core, delivered, 1);
    const { looks } = startFeeder(core);
    await waitFor(() => delivered.length === ids.length, { what: 'all to be delivered' });
    // Three a tick would take forty.
    expect(looks()).toBeLessThan(40);
    expect([...delivered].sort()).toEqual(ids);
    // In the order of their ids but for two refills that overlap: none is further from its place than two windows.
    const displaced = delivered.map((id, place) => Math.abs(ids.indexOf(id) - place));
    expect(Math.max(...displaced)).toBeLessThanOrEqual(6);
  });

  it('lets neither retries nor first attempts of an endpoint starve the other', async () => {
    const core = await start({ queueWindowPerEndpoint: 2 });
    const target = await newTarget(core);
    const retries = new Set(await seedDue(core, target, 200));
    await core.db.query(`UPDATE deliveries SET attempts = 1`);
    await seedDue(core, target, 200);
    const delivered: string[] = [];
    deliverAll(core, delivered, 1);
    startFeeder(core);
    await waitFor(() => delivered.length >= 100, { what: 'a quarter to be delivered' });
    // The retries are older. A quarter of the places is theirs by lot: 25 of 100, and hardly ever fewer than 8 or more than 50.
    const retried = delivered.slice(0, 100).filter((id) => retries.has(id)).length;
    expect(retried).toBeGreaterThanOrEqual(8);
    expect(retried).toBeLessThanOrEqual(50);
  });

  it('delivers once whatever several of them feed side by side', async () => {
    const queuePrefix = `test-${newId()}`;
    const [one, two] = [await start({ queuePrefix }), await start({ queuePrefix })];
    const targets = await Promise.all(Array.from({ length: 6 }, () => newTarget(one)));
    for (const target of targets) await seedDue(one, target, 100);
    const delivered: string[] = [];
    for (const core of [one, two]) {
      deliverAll(core, delivered);
      startFeeder(core);
    }
    await waitFor(() => delivered.length >= 600, { what: 'all to be delivered' });
    expect(new Set(delivered).size).toBe(600);
    const rows = await rowsOfAll(one);
    expect(rows.filter(({ lease_no }) => lease_no !== 1)).toEqual([]);
    expect(delivered).toHaveLength(600);
  });

  it('lets a tenant with thousands due delay another by no more than a few ticks', async () => {
    const core = await start();
    await seedDue(core, await newTarget(core), 5_000);
    const delivered: string[] = [];
    deliverAll(core, delivered);
    const { looks, moreLooks } = startFeeder(core);
    await moreLooks(1);
    const [late] = await seedDue(core, await newTarget(core), 1);
    const before = looks();
    await waitFor(() => delivered.includes(late as string), { what: "the other tenant's delivery" });
    // Ten looks put the backlog aside (500 each, all within one tick); the rest are the ticks that the other one waited for.
    expect(looks() - before).toBeLessThanOrEqual(30);
    expect(delivered.length).toBeLessThan(5_000);
  });

  it('feeds no more once it has stopped', async () => {
    const core = await start();
    const target = await newTarget(core);
    const { looks, moreLooks } = startFeeder(core);
    await moreLooks(1);
    await core.feeder.onModuleDestroy();
    await seedDue(core, target, 1);
    const before = looks();
    core.feeder.completed(target.tenant.id, target.endpoint.id);
    // Another feeder's ticks tell that time enough has passed.
    const other = await start({ queueWindowTotal: 1 });
    await startFeeder(other).moreLooks(3);
    expect(looks()).toBe(before);
  });
});

describeRedis('the feeder before a queue that refuses', () => {
  it('gives the leases back while Redis is full, and delivers when there is room', async () => {
    const redis = await startRedis();
    const admin = new Redis(redis.url);
    try {
      const core = await startCore({ redisUrl: redis.url });
      const target = await newTarget(core);
      await admin.config('SET', 'maxmemory', '1');
      const ids = await seedDue(core, target, 5);
      startFeeder(core);
      const givenBack = async (): Promise<boolean> =>
        (await rowsOfAll(core)).every((row) => row.lease_no > 0 && !row.is_leased && row.held_by === null);
      await waitFor(givenBack, { what: 'the leases to be given back' });
      const due = await rowsOf(
        core.db,
        'SELECT FROM deliveries WHERE next_attempt_at <= now() AND leased_until IS NULL',
      );
      expect(due).toHaveLength(5);

      await admin.config('SET', 'maxmemory', '0');
      const delivered: string[] = [];
      deliverAll(core, delivered);
      await waitFor(() => delivered.length === 5, { what: 'all to be delivered' });
      expect([...delivered].sort()).toEqual([...ids].sort());
    } finally {
      admin.disconnect();
      await Promise.all(cores.splice(0).map((core) => core.close()));
      await redis.stop();
    }
  });
});

import { newId } from '../../src/common/ids.js';
import { Core, rowsOf, StatementLog } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { seedDelivery, seedEvent } from '../support/seed.js';

let database: TestDatabase;
let core: Core;
beforeEach(async () => {
  database = await createTestDatabase();
  core = await Core.start(database.url, {
    config: { queueWindowPerEndpoint: 3, queueWindowPerTenant: 5, queueWindowTotal: 7 },
  });
});
afterEach(async () => {
  await core.close();
  await database.drop();
});

const admitted = (tenantId: string, endpointId: string, asked = 10): number =>
  Array.from({ length: asked }, () => core.window.admit(tenantId, endpointId)).filter(Boolean).length;

async function seedLeased(tenantId: string, endpointId: string, count: number, leasedUntil: Date): Promise<void> {
  const event = await seedEvent(core.db, tenantId);
  for (let n = 0; n < count; n++) await seedDelivery(core.db, event, endpointId, { leaseNo: 1, leasedUntil });
}
const later = (): Date => new Date(Date.now() + 60_000);

describe('the window of the queue', () => {
  it('has room for each endpoint, then for each tenant, then for everybody', async () => {
    await core.window.refresh();
    const [tenant, other] = [newId(), newId()];
    expect(admitted(tenant, newId())).toBe(3);
    expect(admitted(tenant, newId())).toBe(2);
    expect(admitted(tenant, newId())).toBe(0);
    expect(admitted(other, newId())).toBe(2);
    expect(admitted(other, newId())).toBe(0);
  });

  it('has a place again for each that is given back', async () => {
    await core.window.refresh();
    const [tenant, endpoint] = [newId(), newId()];
    expect(admitted(tenant, endpoint)).toBe(3);
    core.window.take(tenant, endpoint, -2);
    expect(core.window.room(tenant, endpoint)).toBe(2);
    expect(admitted(tenant, endpoint)).toBe(2);
  });

  it('never has less than no room, however much is queued already', async () => {
    const [tenant, endpoint] = [newId(), newId()];
    await seedLeased(tenant, endpoint, 9, later());
    await core.window.refresh(0);
    expect(core.window.room(tenant, endpoint)).toBe(0);
    expect(core.window.room(newId(), newId())).toBe(0);
  });

  it('counts what every process has leased, and nothing else', async () => {
    const [tenant, endpoint] = [newId(), newId()];
    await seedLeased(tenant, endpoint, 2, later());
    // Of these the lease ran out: what they stood for is enqueued again.
    await seedLeased(tenant, endpoint, 4, new Date(Date.now() - 1_000));
    const event = await seedEvent(core.db, tenant);
    await seedDelivery(core.db, event, endpoint);
    await seedDelivery(core.db, event, endpoint, { status: 'succeeded' });
    await core.window.refresh();
    expect(core.window.room(tenant, endpoint)).toBe(1);
    expect(core.window.room(tenant, newId())).toBe(3);
  });

  it('counts anew only when its count is too old, and once for all who ask at that moment', async () => {
    const log = StatementLog.on(core.db);
    await Promise.all([core.window.refresh(), core.window.refresh(), core.window.refresh()]);
    await core.window.refresh(60_000);
    expect(log.count('GROUP BY')).toBe(1);
    await core.window.refresh(0);
    expect(log.count('GROUP BY')).toBe(2);
  });

  it('counts sooner while somebody finds no room, but not all the time', async () => {
    const log = StatementLog.on(core.db);
    let now = 1_000;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const refreshAfter = async (ms: number): Promise<number> => {
      now += ms;
      const before = log.count('GROUP BY');
      await core.window.refresh();
      return log.count('GROUP BY') - before;
    };
    try {
      await core.window.refresh();
      expect(await refreshAfter(100)).toBe(0);
      expect(admitted(newId(), newId())).toBe(3);
      expect(await refreshAfter(1)).toBe(1);
      expect(await refreshAfter(24)).toBe(0);
      admitted(newId(), newId());
      expect(await refreshAfter(0)).toBe(0);
      expect(await refreshAfter(1)).toBe(1);
      expect(await refreshAfter(199)).toBe(0);
      expect(await refreshAfter(1)).toBe(1);
    } finally {
      clock.mockRestore();
    }
  });

  it('counts older leases less often where that takes long, and recent ones each time', async () => {
    const log = StatementLog.on(core.db);
    let now = 1_000;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const tookMs = 10;
    const countAfter = async (ms: number): Promise<void> => {
      now += ms;
      const counting = core.window.refresh(0);
      now += tookMs;
      await counting;
    };
    const [tenant, endpoint] = [newId(), newId()];
    const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);
    try {
      await seedLeased(tenant, endpoint, 1, inSeconds(30));
      await seedLeased(tenant, endpoint, 1, inSeconds(70));
      await countAfter(0);
      expect(core.window.queued(endpoint)).toBe(2);

      await core.db.query(`UPDATE deliveries SET status = 'succeeded', leased_until = NULL`);
      await seedLeased(tenant, endpoint, 2, inSeconds(70));
      await countAfter(500);
      expect(core.window.queued(endpoint)).toBe(3);
      const [fromSeconds, splitSeconds] = log.last('GROUP BY').parameters as [number, number];
      expect(fromSeconds).toBeCloseTo(59 - 0.51);
      expect(splitSeconds).toBe(fromSeconds);

      // One part of the time in a hundred.
      await countAfter(490);
      expect(core.window.queued(endpoint)).toBe(2);
    } finally {
      clock.mockRestore();
    }
  });

  it('is counted from an index that holds no more than what is leased', async () => {
    const log = StatementLog.on(core.db);
    await core.window.refresh();
    await core.db.query('SET enable_seqscan = off');
    const plan = await rowsOf<{ 'QUERY PLAN': string }>(core.db, `EXPLAIN ${log.last('GROUP BY').sql}`, [0, 59]);
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Index Only Scan using deliveries_\w*leased_until\w*/);
  });
});

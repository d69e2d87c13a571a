import type { TestingModule } from '@nestjs/testing';
import { randomUUID } from 'node:crypto';
import type { EventLog } from '../../src/common/event-log.js';
import { Config } from '../../src/config/config.js';
import { createDataSource } from '../../src/database/data-source.js';
import { migrateDatabase } from '../../src/database/migrate-database.js';
import { AttemptMetrics } from '../../src/delivery-worker/attempt-metrics.js';
import type { Report } from '../../src/delivery-worker/record.query.js';
import { AttemptMinute } from '../../src/metrics/attempt-minute.entity.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { TenantMetrics } from '../../src/metrics/tenant-metrics.js';
import { bucketOf } from '../../src/stats/latency-buckets.js';
import { removeOldRollups } from '../../src/stats/remove-old-rollups.query.js';
import { Rollup } from '../../src/stats/rollup.service.js';
import { TenantMinute } from '../../src/stats/tenant-minute.entity.js';
import type { ApiApp } from '../support/api-app.js';
import { insertEndpoint, insertTenant } from '../support/core.js';
import { startPostgres } from '../support/postgres-server.js';
import { waitFor } from '../support/processes.js';
import { databaseUrlOf, startCounter, startStatsApi, StatsTenant } from '../support/stats-api.js';

let api: ApiApp;
let acme: StatsTenant;
let rollup: Rollup;
beforeAll(async () => {
  api = await startStatsApi();
  rollup = api.app.get(Rollup);
});
beforeEach(async () => {
  acme = await StatsTenant.create(api);
});
afterAll(() => api.close());

const attempted = (succeeded: boolean, durationMs: number, to = acme.endpointId, by = rollup): void =>
  by.attempted({ tenantId: acme.id, endpointId: to, succeeded, durationMs });

describe('counting', () => {
  it('shows what was counted once it is written, in totals and in the minute that goes on', async () => {
    rollup.accepted(acme.id, 2);
    rollup.accepted(acme.id, 0);
    rollup.settled(acme.id, 'succeeded', 3);
    rollup.settled(acme.id, 'dead_letter');
    rollup.settled(acme.id, 'cancelled', 0);
    for (let n = 0; n < 9; n++) attempted(true, 40);
    attempted(false, 9_000);
    await rollup.flush();

    const stats = await acme.stats();
    expect(stats).toMatchObject({
      window: '1h',
      events: 2,
      deliveries: { pending: 0, succeeded: 3, dead_letter: 1, cancelled: 0 },
      attempts: { succeeded: 9, failed: 1 },
      success_rate: 0.9,
    });
    expect(bucketOf(stats.latency_ms.p50 as number)).toBe(bucketOf(40));
    expect(bucketOf(stats.latency_ms.p95 as number)).toBe(bucketOf(9_000));
    // The minute may have changed since.
    const counted = stats.series.slice(-2).find((point) => point.events > 0);
    expect(counted).toMatchObject({ events: 2, deliveries: 2, succeeded: 9, failed: 1 });
  });

  it('writes by itself, within a few seconds', async () => {
    rollup.accepted(acme.id, 1);
    await waitFor(async () => (await acme.stats()).events === 1, { what: 'the event to be counted' });
  });

  it('loses nothing when several workers write the same minutes at once', async () => {
    const other = await acme.newEndpoint();
    const workers = await Promise.all([1, 2, 3].map(() => startCounter(databaseUrlOf(api))));
    const rounds = 30;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        workers.map((worker: TestingModule, index) => {
          const counter = worker.get(Rollup);
          // In another order each.
          for (const id of index % 2 === 0 ? [acme.endpointId, other] : [other, acme.endpointId])
            attempted(true, 5, id, counter);
          attempted(false, 70, acme.endpointId, counter);
          counter.settled(acme.id, 'succeeded', 2);
          return counter.flush();
        }),
      );
    }
    // What is held when a process ends is written.
    for (const worker of workers) worker.get(Rollup).accepted(acme.id, 1);
    await Promise.all(workers.map((worker) => worker.close()));

    const stats = await acme.stats();
    expect(stats.attempts).toEqual({ succeeded: 6 * rounds, failed: 3 * rounds });
    expect(stats.deliveries.succeeded).toBe(6 * rounds);
    expect(stats.events).toBe(3);
    const counts = await api.db.getRepository(AttemptMinute).findBy({ tenantId: acme.id });
    const bucketSum = (durationMs: number): number =>
      counts.reduce((sum, row) => sum + (row.latencyCounts[bucketOf(durationMs)] ?? 0), 0);
    expect(bucketSum(5)).toBe(6 * rounds);
    expect(bucketSum(70)).toBe(3 * rounds);
    expect((await acme.health()).success_rate).toBe(0.5);
  });

  it('leaves out tenants and endpoints that were deleted meanwhile, and writes the rest', async () => {
    const gone = await acme.newEndpoint();
    await acme.tenant.call('DELETE', `/endpoints/${gone}`);
    attempted(true, 5, gone);
    attempted(true, 5);
    rollup.accepted(randomUUID(), 1);
    await rollup.flush();
    expect(await api.db.getRepository(AttemptMinute).countBy({ endpointId: gone })).toBe(0);
    expect((await acme.health()).success_rate).toBe(1);
    expect((await acme.stats()).attempts.succeeded).toBe(2);
  });

  it("dates by the database's clock where its own is wrong", async () => {
    const realNow = Date.now;
    // The machine's clock is the outside world here.
    Date.now = () => realNow() + 600_000;
    try {
      const module = await startCounter(databaseUrlOf(api));
      attempted(true, 5, acme.endpointId, module.get(Rollup));
      await module.close();
    } finally {
      Date.now = realNow;
    }
    const ageMs = Date.now() - Date.parse((await acme.health()).last_success_at as string);
    expect(ageMs).toBeGreaterThanOrEqual(-1_000);
    expect(ageMs).toBeLessThan(60_000);
  });

  it('keeps what it could not write while PostgreSQL was away', async () => {
    const server = await startPostgres();
    try {
      await migrateDatabase(server.url);
      const module = await startCounter(server.url);
      const counter = module.get(Rollup);
      const db = createDataSource(server.url);
      await db.initialize();
      const { id: tenantId } = await insertTenant(db);
      const { id } = await insertEndpoint(db, tenantId);
      await db.destroy();

      counter.accepted(tenantId, 1);
      await server.stop();
      await counter.flush();
      counter.attempted({ tenantId, endpointId: id, succeeded: true, durationMs: 5 });
      await server.start();
      await module.close();

      const after = await createDataSource(server.url).initialize();
      const rows = await after.getRepository(TenantMinute).findBy({ tenantId });
      expect(rows.reduce((sum, row) => sum + row.events, 0)).toBe(1);
      expect(rows.reduce((sum, row) => sum + row.attemptsSucceeded, 0)).toBe(1);
      expect(await after.getRepository(AttemptMinute).countBy({ endpointId: id, succeeded: 1 })).toBe(1);
      await after.destroy();
    } finally {
      await server.remove();
    }
  });
});

describe('what a worker counts', () => {
  const FAILED = { result: { durationMs: 20, error: { code: 'http_status' } } };
  const ARRIVED = { result: { durationMs: 20, error: null } };
  /** No more of a report than counting looks at. */
  const report = (kind: string, attempt: object | null, settledStatus: string | null = null): Report =>
    ({
      delivery: { tenant_id: acme.id, endpoint_id: acme.endpointId, settled_status: settledStatus },
      outcome: { kind },
      attempt,
    }) as unknown as Report;
  const SILENT = { enabled: false } as EventLog;
  let worker: AttemptMetrics;
  beforeEach(() => {
    const metrics = new Metrics();
    worker = new AttemptMetrics(metrics, new TenantMetrics(metrics, new Config()), rollup, SILENT);
  });

  const counted = async (): Promise<unknown> => {
    await rollup.flush();
    const { deliveries, attempts } = await acme.stats();
    return { ...deliveries, attempts };
  };

  it('is each attempt, and each delivery when it ends', async () => {
    worker.count(report('retry', FAILED), true);
    worker.count(report('succeeded', ARRIVED), true);
    worker.count(report('dead_letter', FAILED), true);
    worker.count(report('dead_letter', null), true);
    worker.count(report('cancelled', null), true);
    worker.count(report('held', null), true);
    expect(await counted()).toEqual({
      pending: 0,
      succeeded: 1,
      dead_letter: 2,
      cancelled: 1,
      attempts: { succeeded: 1, failed: 2 },
    });
  });

  it('is the attempt alone when the lease was lost: who has it now counts the end', async () => {
    worker.count(report('succeeded', ARRIVED), false);
    expect(await counted()).toMatchObject({ succeeded: 0, attempts: { succeeded: 1 } });
  });

  it('is of a manual attempt only what it changes', async () => {
    worker.count(report('succeeded', ARRIVED, 'succeeded'), true);
    worker.count(report('restored', FAILED, 'dead_letter'), true);
    worker.count(report('cancelled', null, 'dead_letter'), true);
    worker.count(report('succeeded', ARRIVED, 'dead_letter'), true);
    expect(await counted()).toEqual({
      pending: 0,
      succeeded: 1,
      dead_letter: 0,
      cancelled: 0,
      attempts: { succeeded: 2, failed: 1 },
    });
  });
});

describe('removing old roll-ups', () => {
  it('takes those older than the retention, and those of endpoints that are no more', async () => {
    const day = 24 * 60;
    await acme.insertAttempts(31 * day, { succeeded: 1 });
    await acme.insertAttempts(29 * day, { succeeded: 1 });
    await acme.insertMinute(31 * day, { events: 1 });
    await acme.insertMinute(29 * day, { events: 1 });
    const kept = acme.endpointId;
    acme.endpointId = await acme.newEndpoint();
    await acme.insertAttempts(1, { succeeded: 1 });
    await acme.tenant.call('DELETE', `/endpoints/${acme.endpointId}`);

    expect(await removeOldRollups(api.db, 30)).toBe(3);
    expect(await removeOldRollups(api.db, 30)).toBe(0);
    const left = await api.db.getRepository(AttemptMinute).findBy({ tenantId: acme.id });
    expect(left.map((row) => row.endpointId)).toEqual([kept]);
    expect(await api.db.getRepository(TenantMinute).countBy({ tenantId: acme.id })).toBe(1);
  });

  it("takes a tenant's own with the tenant", async () => {
    await acme.insertMinute(1, { events: 1 });
    await api.call('DELETE', `/tenants/${acme.id}`);
    expect(await api.db.getRepository(TenantMinute).countBy({ tenantId: acme.id })).toBe(0);
  });
});

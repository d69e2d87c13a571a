import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { randomUUID } from 'node:crypto';
import { createDataSource, dataSourceOptions } from '../../src/database/data-source.js';
import { migrateDatabase } from '../../src/database/migrate-database.js';
import { ApiKeysController } from '../../src/api-keys/api-keys.controller.js';
import { ApiKeysModule } from '../../src/api-keys/api-keys.module.js';
import { AuthGuard } from '../../src/api-keys/auth.guard.js';
import { CircuitTransition } from '../../src/circuit-breaker/circuit-transition.entity.js';
import { EndpointCircuit } from '../../src/circuit-breaker/endpoint-circuit.entity.js';
import { SecretBoxModule } from '../../src/common/secret-box.module.js';
import { newId } from '../../src/common/ids.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { EndpointsController } from '../../src/endpoints/endpoints.controller.js';
import { EndpointsModule } from '../../src/endpoints/endpoints.module.js';
import { AttemptMinute } from '../../src/metrics/attempt-minute.entity.js';
import { bucketOf, noLatencies } from '../../src/stats/latency-buckets.js';
import { EndpointHealthController } from '../../src/stats/endpoint-health.controller.js';
import type { EndpointHealthDetailDto, EndpointHealthPageDto } from '../../src/stats/endpoint-health.dto.js';
import { removeOldRollups } from '../../src/stats/remove-old-rollups.query.js';
import { RollupModule } from '../../src/stats/rollup.module.js';
import { Rollup } from '../../src/stats/rollup.service.js';
import { StatsController } from '../../src/stats/stats.controller.js';
import type { StatsDto } from '../../src/stats/stats.dto.js';
import { StatsModule } from '../../src/stats/stats.module.js';
import { TenantMinute } from '../../src/stats/tenant-minute.entity.js';
import { TenantsController } from '../../src/tenants/tenants.controller.js';
import { TenantsModule } from '../../src/tenants/tenants.module.js';
import { ApiApp, type TestTenant } from '../support/api-app.js';
import { startPostgres } from '../support/postgres-server.js';
import { waitFor } from '../support/processes.js';
import { seedDelivery, seedEvent } from '../support/seed.js';
import { insertEndpoint, insertTenant } from '../support/core.js';

@Module({
  imports: [
    ConfigModule,
    DatabaseModule,
    SecretBoxModule,
    ApiKeysModule,
    TenantsModule,
    EndpointsModule,
    RollupModule,
    StatsModule,
  ],
  controllers: [TenantsController, ApiKeysController, EndpointHealthController, EndpointsController, StatsController],
  providers: [{ provide: APP_GUARD, useClass: AuthGuard }],
})
class StatsApiModule {}

/** As the API gives it: times as text. */
type Json<T> = T extends Date
  ? string
  : T extends (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let api: ApiApp;
let rollup: Rollup;
let tenant: TestTenant;
let endpointId: string;
beforeAll(async () => {
  api = await ApiApp.start({ module: StatsApiModule });
  rollup = api.app.get(Rollup);
});
beforeEach(async () => {
  tenant = await api.createTenant();
  endpointId = await newEndpoint();
});
afterAll(() => api.close());

const databaseUrl = (): string => (api.db.options as { url: string }).url;

async function newEndpoint(of: TestTenant = tenant): Promise<string> {
  const answer = await of.call<{ id: string }>('POST', '/endpoints', { url: 'https://hooks.example.com/' });
  return answer.body.id;
}

const attempted = (succeeded: boolean, durationMs: number, to = endpointId, by = rollup): void =>
  by.attempted({ tenantId: tenant.id, endpointId: to, succeeded, durationMs });

async function statsOf(window = '1h', of: TestTenant = tenant): Promise<Json<StatsDto>> {
  const { status, body, text } = await of.call<Json<StatsDto>>('GET', `/stats?window=${window}`);
  if (status !== 200) throw new Error(text);
  return body;
}

async function healthOf(id = endpointId): Promise<Json<EndpointHealthDetailDto>> {
  const { status, body, text } = await tenant.call<Json<EndpointHealthDetailDto>>('GET', `/endpoints/${id}/health`);
  if (status !== 200) throw new Error(text);
  return body;
}

/** A minute's row of this tenant, as if it had been counted then. */
async function tenantMinute(minutesAgo: number, values: Partial<TenantMinute>, of = tenant.id): Promise<void> {
  await api.db.getRepository(TenantMinute).insert({
    tenantId: of,
    minute: new Date(Math.floor(Date.now() / MINUTE_MS - minutesAgo) * MINUTE_MS),
    ...{ events: 0, deliveries: 0, succeeded: 0, deadLetter: 0, cancelled: 0, attemptsSucceeded: 0, attemptsFailed: 0 },
    latencyCounts: noLatencies(),
    ...values,
  });
}

async function attemptMinute(minutesAgo: number, values: Partial<AttemptMinute>): Promise<Date> {
  const minute = new Date(Math.floor(Date.now() / MINUTE_MS - minutesAgo) * MINUTE_MS);
  await api.db.getRepository(AttemptMinute).insert({
    tenantId: tenant.id,
    endpointId,
    minute,
    succeeded: 0,
    failed: 0,
    latencyCounts: noLatencies(),
    ...values,
  });
  return minute;
}

const EMPTY_HEALTH = {
  circuit: { state: 'closed', opened_at: null, next_probe_at: null },
  consecutive_failures: 0,
  success_rate: null,
  latency_ms: { p50: null, p95: null, p99: null },
  pending: 0,
  last_success_at: null,
  last_failure_at: null,
};

describe('counting', () => {
  it('shows what was counted once it is written, in totals and in the minute that goes on', async () => {
    rollup.accepted(tenant.id, 2);
    rollup.accepted(tenant.id, 0);
    rollup.settled(tenant.id, 'succeeded', 3);
    rollup.settled(tenant.id, 'dead_letter');
    rollup.settled(tenant.id, 'cancelled', 0);
    for (let n = 0; n < 9; n++) attempted(true, 40);
    attempted(false, 9_000);
    expect((await statsOf()).events).toBe(0);
    await rollup.flush();

    const stats = await statsOf();
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
    rollup.accepted(tenant.id, 1);
    await waitFor(async () => (await statsOf()).events === 1, { what: 'the event to be counted' });
  });

  it('loses nothing when several workers write the same minutes at once', async () => {
    const other = await newEndpoint();
    const workers = await Promise.all(
      [1, 2, 3].map(() =>
        Test.createTestingModule({
          imports: [TypeOrmModule.forRoot({ ...dataSourceOptions(databaseUrl(), 2), retryAttempts: 0 }), RollupModule],
        })
          .compile()
          .then((module) => module.init()),
      ),
    );
    const rounds = 30;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        workers.map((worker: TestingModule, index) => {
          const counter = worker.get(Rollup);
          // In another order each.
          for (const id of index % 2 === 0 ? [endpointId, other] : [other, endpointId]) attempted(true, 5, id, counter);
          attempted(false, 70, endpointId, counter);
          counter.settled(tenant.id, 'succeeded', 2);
          return counter.flush();
        }),
      );
    }
    // What is held when a process ends is written.
    for (const worker of workers) worker.get(Rollup).accepted(tenant.id, 1);
    await Promise.all(workers.map((worker) => worker.close()));

    const stats = await statsOf();
    expect(stats.attempts).toEqual({ succeeded: 6 * rounds, failed: 3 * rounds });
    expect(stats.deliveries.succeeded).toBe(6 * rounds);
    expect(stats.events).toBe(3);
    const counts = await api.db.getRepository(AttemptMinute).findBy({ tenantId: tenant.id });
    const bucketSum = (durationMs: number): number =>
      counts.reduce((sum, row) => sum + (row.latencyCounts[bucketOf(durationMs)] ?? 0), 0);
    expect(bucketSum(5)).toBe(6 * rounds);
    expect(bucketSum(70)).toBe(3 * rounds);
    expect((await healthOf()).success_rate).toBe(0.5);
  });

  it('leaves out tenants and endpoints that were deleted meanwhile, and writes the rest', async () => {
    const gone = await newEndpoint();
    attempted(true, 5, gone);
    attempted(true, 5);
    rollup.accepted(randomUUID(), 1);
    await tenant.call('DELETE', `/endpoints/${gone}`);
    await rollup.flush();
    expect(await api.db.getRepository(AttemptMinute).countBy({ endpointId: gone })).toBe(0);
    expect((await healthOf()).success_rate).toBe(1);
    expect((await statsOf()).attempts.succeeded).toBe(2);
  });

  it("dates by the database's clock where its own is wrong", async () => {
    const realNow = Date.now;
    // The machine's clock is the outside world here.
    Date.now = () => realNow() + 600_000;
    try {
      const module = await Test.createTestingModule({
        imports: [TypeOrmModule.forRoot({ ...dataSourceOptions(databaseUrl(), 2), retryAttempts: 0 }), RollupModule],
      }).compile();
      await module.init();
      attempted(true, 5, endpointId, module.get(Rollup));
      await module.close();
    } finally {
      Date.now = realNow;
    }
    const ageMs = Date.now() - Date.parse((await healthOf()).last_success_at as unknown as string);
    expect(ageMs).toBeGreaterThanOrEqual(-1_000);
    expect(ageMs).toBeLessThan(60_000);
  });

  it('keeps what it could not write while PostgreSQL was away', async () => {
    const server = await startPostgres();
    try {
      await migrateDatabase(server.url);
      const module = await Test.createTestingModule({
        imports: [TypeOrmModule.forRoot({ ...dataSourceOptions(server.url, 2), retryAttempts: 0 }), RollupModule],
      }).compile();
      module.useLogger(false);
      await module.init();
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

describe('GET /stats', () => {
  it.each([
    ['1h', 60, MINUTE_MS],
    ['24h', 96, 15 * MINUTE_MS],
    ['7d', 84, 2 * HOUR_MS],
  ])('gives a series of %s without gaps, at round times', async (window, steps, stepMs) => {
    await tenantMinute(3, { events: 5 });
    const { series, since } = await statsOf(window);
    expect(series).toHaveLength(steps);
    expect(series[0]?.at).toBe(since);
    const times = series.map(({ at }) => Date.parse(at as unknown as string));
    for (const [index, time] of times.entries()) {
      expect(time % stepMs).toBe(0);
      if (index > 0) expect(time - (times[index - 1] as number)).toBe(stepMs);
    }
    const empty = { events: 0, deliveries: 0, succeeded: 0, failed: 0 };
    expect(series.filter((point) => point.events === 0)).toHaveLength(steps - 1);
    expect(series[0]).toEqual({ at: since, ...empty });
  });

  it('counts what happened within its window and nothing older', async () => {
    await tenantMinute(10, { events: 1, attemptsSucceeded: 1 });
    await tenantMinute(70, { events: 10, attemptsFailed: 2 });
    await tenantMinute(26 * 60, { events: 100, deadLetter: 4 });
    await tenantMinute(8 * 24 * 60, { events: 1_000 });
    expect(await statsOf('1h')).toMatchObject({ events: 1, attempts: { succeeded: 1, failed: 0 }, success_rate: 1 });
    expect(await statsOf('24h')).toMatchObject({ events: 11, attempts: { succeeded: 1, failed: 2 } });
    expect(await statsOf('7d')).toMatchObject({ events: 111, deliveries: { dead_letter: 4 } });
    for (const window of ['1h', '24h', '7d']) {
      const { events, attempts, series } = await statsOf(window);
      expect(series.reduce((sum, point) => sum + point.events, 0)).toBe(events);
      expect(series.reduce((sum, point) => sum + point.failed, 0)).toBe(attempts.failed);
    }
  });

  it('takes its percentiles over all minutes of the window', async () => {
    const counts = (durationMs: number, count: number): number[] => {
      const all = noLatencies();
      all[bucketOf(durationMs)] = count;
      return all;
    };
    await tenantMinute(5, { attemptsSucceeded: 90, latencyCounts: counts(30, 90) });
    await tenantMinute(6, { attemptsFailed: 10, latencyCounts: counts(14_000, 10) });
    const { latency_ms: latency } = await statsOf();
    expect(bucketOf(latency.p50 as number)).toBe(bucketOf(30));
    expect(bucketOf(latency.p95 as number)).toBe(bucketOf(14_000));
    expect(bucketOf(latency.p99 as number)).toBe(bucketOf(14_000));
  });

  it('is empty for a new tenant, over a day unless told otherwise', async () => {
    const { body } = await tenant.call<Json<StatsDto>>('GET', '/stats');
    expect(body).toMatchObject({
      window: '24h',
      events: 0,
      deliveries: { pending: 0, succeeded: 0, dead_letter: 0, cancelled: 0 },
      attempts: { succeeded: 0, failed: 0 },
      success_rate: null,
      latency_ms: { p50: null, p95: null, p99: null },
    });
  });

  it('tells no tenant of another', async () => {
    await tenantMinute(2, { events: 7, attemptsSucceeded: 7 });
    await seedPending(4);
    const stranger = await api.createTenant();
    expect(await statsOf('1h', stranger)).toMatchObject({ events: 0, deliveries: { pending: 0 } });
    expect(await statsOf()).toMatchObject({ events: 7, deliveries: { pending: 4 } });
  });

  it.each(['2h', '', '1h&window=24h', '1h&from=yesterday'])('refuses the window %j', async (window) => {
    const answer = await tenant.call('GET', `/stats?window=${window}`);
    expect(answer.status).toBe(422);
  });
});

/** So many due deliveries. */
async function seedPending(count: number, values: Parameters<typeof seedDelivery>[3] = {}): Promise<void> {
  const event = await seedEvent(api.db, tenant.id);
  for (let n = 0; n < count; n++) await seedDelivery(api.db, event, endpointId, values);
}

describe('an endpoint’s health', () => {
  it('is well and empty before the first attempt', async () => {
    expect(await healthOf()).toEqual({ endpoint_id: endpointId, ...EMPTY_HEALTH, history: [] });
  });

  it('is of the last hour, but for the last success and failure', async () => {
    await attemptMinute(20, {
      succeeded: 3,
      failed: 1,
      latencyCounts: noLatencies().map((_count, bucket) => (bucket === bucketOf(250) ? 4 : 0)),
      lastSuccessAt: new Date('2026-01-31T12:00:00.123Z'),
    });
    await attemptMinute(90, { failed: 50, lastFailureAt: new Date() });
    const health = await healthOf();
    expect(health.success_rate).toBe(0.75);
    expect(bucketOf(health.latency_ms.p99 as number)).toBe(bucketOf(250));
    expect(health.last_success_at).toBe('2026-01-31T12:00:00.123Z');
  });

  it('knows a success that is days old', async () => {
    const lastSuccessAt = new Date(Date.now() - 100 * HOUR_MS);
    await attemptMinute(100 * 60, { succeeded: 1, lastSuccessAt });
    for (const minutesAgo of [80, 20]) await attemptMinute(minutesAgo * 60, { failed: 1, lastFailureAt: new Date() });
    expect((await healthOf()).last_success_at).toBe(lastSuccessAt.toISOString());
    expect((await healthOf()).success_rate).toBeNull();
  });

  it('takes the newest of what circuit and attempts tell', async () => {
    const now = Date.now();
    const circuits = api.db.getRepository(EndpointCircuit);
    await circuits.insert({
      endpointId,
      tenantId: tenant.id,
      consecutiveFailures: 3,
      lastSuccessAt: new Date(now - 60_000),
      lastFailureAt: new Date(now - 2 * HOUR_MS),
    });
    await attemptMinute(5, {
      succeeded: 1,
      failed: 1,
      lastSuccessAt: new Date(now - 300_000),
      lastFailureAt: new Date(now - 290_000),
    });
    expect(await healthOf()).toMatchObject({
      circuit: { state: 'closed', opened_at: null, next_probe_at: null },
      consecutive_failures: 3,
      last_success_at: new Date(now - 60_000).toISOString(),
      last_failure_at: new Date(now - 290_000).toISOString(),
    });
  });

  it('still knows the last failure when the circuit was reset since', async () => {
    await api.db.getRepository(EndpointCircuit).insert({ endpointId, tenantId: tenant.id });
    const lastFailureAt = new Date(Date.now() - 30 * HOUR_MS);
    await attemptMinute(30 * 60, { failed: 2, lastFailureAt });
    expect((await healthOf()).last_failure_at).toBe(lastFailureAt.toISOString());
  });

  it('shows an open circuit with its next probe, and its last 20 changes, newest first', async () => {
    const openedAt = new Date(Date.now() - 10_000);
    const nextProbeAt = new Date(Date.now() + 20_000);
    const circuits = api.db.getRepository(EndpointCircuit);
    await circuits.insert({
      endpointId,
      tenantId: tenant.id,
      state: 'open',
      consecutiveFailures: 5,
      openedAt,
      nextProbeAt,
    });
    const states = Array.from({ length: 25 }, (_value, n) =>
      n % 2 === 0 ? ('open' as const) : ('half_open' as const),
    );
    for (const state of states)
      await api.db.getRepository(CircuitTransition).insert({ id: newId(), endpointId, state });
    const health = await healthOf();
    expect(health).toMatchObject({
      circuit: { state: 'open', opened_at: openedAt.toISOString(), next_probe_at: nextProbeAt.toISOString() },
      consecutive_failures: 5,
    });
    expect(health.history.map(({ state }) => state)).toEqual(states.reverse().slice(0, 20));
    expect(health.history[0]?.at).toMatch(/Z$/);

    await circuits.update({ endpointId }, { state: 'half_open' });
    expect((await healthOf()).circuit).toEqual({
      state: 'half_open',
      opened_at: openedAt.toISOString(),
      next_probe_at: null,
    });
  });

  it('counts each pending delivery once, whatever it waits for', async () => {
    await seedPending(1);
    await seedPending(1, { nextAttemptAt: new Date(Date.now() + HOUR_MS) });
    await seedPending(1, { nextAttemptAt: null, leasedUntil: new Date(Date.now() + HOUR_MS) });
    await seedPending(1, { leasedUntil: new Date(Date.now() - HOUR_MS) });
    for (const heldBy of ['circuit', 'disabled', 'suspended', 'fairness'] as const)
      await seedPending(1, { heldBy, nextAttemptAt: null });
    // Held, and until a time.
    await seedPending(1, { heldBy: 'rate_limit', nextAttemptAt: new Date(Date.now() + 1_000) });
    for (const status of ['succeeded', 'dead_letter', 'cancelled'] as const) await seedPending(1, { status });
    expect((await healthOf()).pending).toBe(9);
    expect((await statsOf()).deliveries.pending).toBe(9);
    expect((await healthOf(await newEndpoint())).pending).toBe(0);
  });

  it("is 404 of another tenant's endpoint, and of one that there is not", async () => {
    const stranger = await api.createTenant();
    const foreign = await newEndpoint(stranger);
    for (const id of [foreign, randomUUID(), 'nonsense']) {
      const answer = await tenant.call('GET', `/endpoints/${id}/health`);
      expect(answer.status).toBe(404);
    }
  });
});

describe('the health of all endpoints', () => {
  it('comes in pages, newest endpoint first, and is not taken for an endpoint named health', async () => {
    const second = await newEndpoint();
    const third = await newEndpoint();
    await attemptMinute(1, { succeeded: 1, failed: 1 });
    await seedPending(2);
    const list = async (query: string): Promise<Json<EndpointHealthPageDto>> => {
      const { status, body, text } = await tenant.call<Json<EndpointHealthPageDto>>('GET', `/endpoints/health${query}`);
      if (status !== 200) throw new Error(text);
      return body;
    };
    const first = await list('?limit=2');
    expect(first.data.map((health) => health.endpoint_id)).toEqual([third, second]);
    expect(first.data[0]).toEqual({ endpoint_id: third, ...EMPTY_HEALTH });
    const rest = await list(`?limit=2&cursor=${first.next_cursor}`);
    expect(rest.next_cursor).toBeNull();
    expect(rest.data).toHaveLength(1);
    expect(rest.data[0]).toMatchObject({ endpoint_id: endpointId, success_rate: 0.5, pending: 2 });
    expect((await list('')).data).toHaveLength(3);
  });

  it('is an empty page for a tenant without endpoints, whatever others have', async () => {
    const stranger = await api.createTenant();
    expect((await stranger.call('GET', '/endpoints/health')).body).toEqual({ data: [], next_cursor: null });
  });
});

describe('what a key must be allowed to', () => {
  it('is reading deliveries for stats, and reading endpoints for their health', async () => {
    const keyWith = async (scope: string): Promise<string> =>
      (await tenant.call<{ key: string }>('POST', '/api-keys', { name: scope, scopes: [scope] })).body.key;
    const endpoints = await keyWith('endpoints:read');
    const deliveries = await keyWith('deliveries:read');
    const statusOf = async (path: string, key: string): Promise<number> =>
      (await api.call('GET', path, { key })).status;
    expect(await statusOf('/stats', deliveries)).toBe(200);
    expect(await statusOf('/stats', endpoints)).toBe(403);
    expect(await statusOf('/endpoints/health', endpoints)).toBe(200);
    expect(await statusOf('/endpoints/health', deliveries)).toBe(403);
    expect(await statusOf(`/endpoints/${endpointId}/health`, deliveries)).toBe(403);
  });
});

describe('removing old roll-ups', () => {
  it('takes those older than the retention, and those of endpoints that are no more', async () => {
    const day = 24 * 60;
    await attemptMinute(31 * day, { succeeded: 1 });
    await attemptMinute(29 * day, { succeeded: 1 });
    await tenantMinute(31 * day, { events: 1 });
    await tenantMinute(29 * day, { events: 1 });
    const kept = endpointId;
    endpointId = await newEndpoint();
    await attemptMinute(1, { succeeded: 1 });
    await tenant.call('DELETE', `/endpoints/${endpointId}`);

    expect(await removeOldRollups(api.db, 30)).toBe(3);
    expect(await removeOldRollups(api.db, 30)).toBe(0);
    const left = await api.db.getRepository(AttemptMinute).findBy({ tenantId: tenant.id });
    expect(left.map((row) => row.endpointId)).toEqual([kept]);
    expect(await api.db.getRepository(TenantMinute).countBy({ tenantId: tenant.id })).toBe(1);
  });

  it("takes a tenant's own with the tenant", async () => {
    await tenantMinute(1, { events: 1 });
    await api.call('DELETE', `/tenants/${tenant.id}`);
    expect(await api.db.getRepository(TenantMinute).countBy({ tenantId: tenant.id })).toBe(0);
  });
});

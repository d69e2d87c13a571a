import { randomUUID } from 'node:crypto';
import { CircuitTransition } from '../../src/circuit-breaker/circuit-transition.entity.js';
import { EndpointCircuit } from '../../src/circuit-breaker/endpoint-circuit.entity.js';
import { newId } from '../../src/common/ids.js';
import type { EndpointHealthPageDto } from '../../src/stats/endpoint-health.dto.js';
import { bucketOf, noLatencies } from '../../src/stats/latency-buckets.js';
import type { ApiApp } from '../support/api-app.js';
import { bodyOf, HOUR_MS, startStatsApi, StatsTenant, type Json } from '../support/stats-api.js';

let api: ApiApp;
let acme: StatsTenant;
beforeAll(async () => {
  api = await startStatsApi();
});
beforeEach(async () => {
  acme = await StatsTenant.create(api);
});
afterAll(() => api.close());

const EMPTY_HEALTH = {
  circuit: { state: 'closed', opened_at: null, next_probe_at: null },
  consecutive_failures: 0,
  success_rate: null,
  latency_ms: { p50: null, p95: null, p99: null },
  pending: 0,
  last_success_at: null,
  last_failure_at: null,
};

describe("an endpoint's health", () => {
  it('is well and empty before the first attempt', async () => {
    expect(await acme.health()).toEqual({ endpoint_id: acme.endpointId, ...EMPTY_HEALTH, history: [] });
  });

  it('is of the attempts of the last hour alone', async () => {
    await acme.insertAttempts(20, {
      succeeded: 3,
      failed: 1,
      latencyCounts: noLatencies().map((_count, bucket) => (bucket === bucketOf(250) ? 4 : 0)),
      lastSuccessAt: new Date('2026-01-31T12:00:00.123Z'),
    });
    await acme.insertAttempts(90, { failed: 50, lastFailureAt: new Date() });
    const health = await acme.health();
    expect(health.success_rate).toBe(0.75);
    expect(bucketOf(health.latency_ms.p99 as number)).toBe(bucketOf(250));
    expect(health.last_success_at).toBe('2026-01-31T12:00:00.123Z');
  });

  it('knows a success that is days old', async () => {
    const lastSuccessAt = new Date(Date.now() - 100 * HOUR_MS);
    await acme.insertAttempts(100 * 60, { succeeded: 1, lastSuccessAt });
    for (const minutesAgo of [80, 20])
      await acme.insertAttempts(minutesAgo * 60, { failed: 1, lastFailureAt: new Date() });
    expect((await acme.health()).last_success_at).toBe(lastSuccessAt.toISOString());
    expect((await acme.health()).success_rate).toBeNull();
  });

  it('takes the newest of what circuit and attempts tell', async () => {
    const now = Date.now();
    const circuits = api.db.getRepository(EndpointCircuit);
    await circuits.insert({
      endpointId: acme.endpointId,
      tenantId: acme.id,
      consecutiveFailures: 3,
      lastSuccessAt: new Date(now - 60_000),
      lastFailureAt: new Date(now - 2 * HOUR_MS),
    });
    await acme.insertAttempts(5, {
      succeeded: 1,
      failed: 1,
      lastSuccessAt: new Date(now - 300_000),
      lastFailureAt: new Date(now - 290_000),
    });
    expect(await acme.health()).toMatchObject({
      circuit: { state: 'closed', opened_at: null, next_probe_at: null },
      consecutive_failures: 3,
      last_success_at: new Date(now - 60_000).toISOString(),
      last_failure_at: new Date(now - 290_000).toISOString(),
    });
  });

  it('still knows the last failure when the circuit was reset since', async () => {
    await api.db.getRepository(EndpointCircuit).insert({ endpointId: acme.endpointId, tenantId: acme.id });
    const lastFailureAt = new Date(Date.now() - 30 * HOUR_MS);
    await acme.insertAttempts(30 * 60, { failed: 2, lastFailureAt });
    expect((await acme.health()).last_failure_at).toBe(lastFailureAt.toISOString());
  });

  it('shows an open circuit with its next probe, and its last 20 changes, newest first', async () => {
    const openedAt = new Date(Date.now() - 10_000);
    const nextProbeAt = new Date(Date.now() + 20_000);
    const circuits = api.db.getRepository(EndpointCircuit);
    await circuits.insert({
      endpointId: acme.endpointId,
      tenantId: acme.id,
      state: 'open',
      consecutiveFailures: 5,
      openedAt,
      nextProbeAt,
    });
    const states = Array.from({ length: 25 }, (_value, n) =>
      n % 2 === 0 ? ('open' as const) : ('half_open' as const),
    );
    for (const state of states)
      await api.db.getRepository(CircuitTransition).insert({ id: newId(), endpointId: acme.endpointId, state });
    const health = await acme.health();
    expect(health).toMatchObject({
      circuit: { state: 'open', opened_at: openedAt.toISOString(), next_probe_at: nextProbeAt.toISOString() },
      consecutive_failures: 5,
    });
    expect(health.history.map(({ state }) => state)).toEqual(states.reverse().slice(0, 20));
    expect(health.history[0]?.at).toMatch(/Z$/);

    await circuits.update({ endpointId: acme.endpointId }, { state: 'half_open' });
    expect((await acme.health()).circuit).toEqual({
      state: 'half_open',
      opened_at: openedAt.toISOString(),
      next_probe_at: null,
    });
  });

  it('counts each pending delivery once, whatever it waits for', async () => {
    await acme.seedDeliveries(1);
    await acme.seedDeliveries(1, { nextAttemptAt: new Date(Date.now() + HOUR_MS) });
    await acme.seedDeliveries(1, { nextAttemptAt: null, leasedUntil: new Date(Date.now() + HOUR_MS) });
    await acme.seedDeliveries(1, { leasedUntil: new Date(Date.now() - HOUR_MS) });
    for (const heldBy of ['circuit', 'disabled', 'suspended', 'fairness'] as const)
      await acme.seedDeliveries(1, { heldBy, nextAttemptAt: null });
    // Held, and until a time.
    await acme.seedDeliveries(1, { heldBy: 'rate_limit', nextAttemptAt: new Date(Date.now() + 1_000) });
    for (const status of ['succeeded', 'dead_letter', 'cancelled'] as const) await acme.seedDeliveries(1, { status });
    expect((await acme.health()).pending).toBe(9);
    expect((await acme.stats()).deliveries.pending).toBe(9);
    expect((await acme.health(await acme.newEndpoint())).pending).toBe(0);
  });

  it("is 404 of another tenant's endpoint, and of one that there is not", async () => {
    const stranger = await StatsTenant.create(api);
    const foreign = stranger.endpointId;
    for (const id of [foreign, randomUUID(), 'nonsense']) {
      const answer = await acme.tenant.call('GET', `/endpoints/${id}/health`);
      expect(answer.status).toBe(404);
    }
  });
});

describe('the health of all endpoints', () => {
  it('comes in pages, newest endpoint first, and is not taken for an endpoint named health', async () => {
    const second = await acme.newEndpoint();
    const third = await acme.newEndpoint();
    await acme.insertAttempts(1, { succeeded: 1, failed: 1 });
    await acme.seedDeliveries(2);
    const list = async (query: string): Promise<Json<EndpointHealthPageDto>> =>
      bodyOf(await acme.tenant.call<Json<EndpointHealthPageDto>>('GET', `/endpoints/health${query}`));
    const first = await list('?limit=2');
    expect(first.data.map((health) => health.endpoint_id)).toEqual([third, second]);
    expect(first.data[0]).toEqual({ endpoint_id: third, ...EMPTY_HEALTH });
    const rest = await list(`?limit=2&cursor=${first.next_cursor}`);
    expect(rest.next_cursor).toBeNull();
    expect(rest.data).toHaveLength(1);
    expect(rest.data[0]).toMatchObject({ endpoint_id: acme.endpointId, success_rate: 0.5, pending: 2 });
    expect((await list('')).data).toHaveLength(3);
  });

  it('has the attempts of each hour of a day where they are asked for', async () => {
    const idle = await acme.newEndpoint();
    await acme.insertAttempts(0, { succeeded: 2, failed: 1 });
    await acme.insertAttempts(3 * 60, { succeeded: 5 });
    await acme.insertAttempts(25 * 60, { succeeded: 99, failed: 99 });
    const answer = await acme.tenant.call<Json<EndpointHealthPageDto>>('GET', '/endpoints/health?series=24h');
    const [first, second] = bodyOf(answer).data;
    expect([first?.endpoint_id, second?.endpoint_id]).toEqual([idle, acme.endpointId]);
    expect(first?.series).toHaveLength(24);
    expect(first?.series?.every(({ succeeded, failed }) => succeeded + failed === 0)).toBe(true);
    const hours = second?.series ?? [];
    const filled = hours.flatMap(({ succeeded, failed }, hour) =>
      succeeded + failed === 0 ? [] : [[hour, succeeded, failed]],
    );
    expect(filled).toEqual([
      [20, 5, 0],
      [23, 2, 1],
    ]);
    expect(hours.map(({ at }) => Date.parse(at) % HOUR_MS)).toEqual(Array(24).fill(0));
    expect((await acme.tenant.call('GET', '/endpoints/health?series=1h')).status).toBe(422);
  });

  it('is an empty page for a tenant without endpoints, whatever others have', async () => {
    const stranger = await api.createTenant();
    expect((await stranger.call('GET', '/endpoints/health')).body).toEqual({ data: [], next_cursor: null });
  });
});

describe('what a key must be allowed to', () => {
  it('is reading deliveries for stats, and reading endpoints for their health', async () => {
    const keyWith = async (scope: string): Promise<string> =>
      (await acme.tenant.call<{ key: string }>('POST', '/api-keys', { name: scope, scopes: [scope] })).body.key;
    const endpoints = await keyWith('endpoints:read');
    const deliveries = await keyWith('deliveries:read');
    const statusOf = async (path: string, key: string): Promise<number> =>
      (await api.call('GET', path, { key })).status;
    expect(await statusOf('/stats', deliveries)).toBe(200);
    expect(await statusOf('/stats', endpoints)).toBe(403);
    expect(await statusOf('/endpoints/health', endpoints)).toBe(200);
    expect(await statusOf('/endpoints/health', deliveries)).toBe(403);
    expect(await statusOf(`/endpoints/${acme.endpointId}/health`, deliveries)).toBe(403);
  });
});

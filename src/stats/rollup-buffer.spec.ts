import { bucketOf } from './latency-buckets.js';
import { RollupBuffer } from './rollup-buffer.js';

const MINUTE_MS = 60_000;
const NOON_MS = Date.UTC(2026, 0, 31, 12);
const attempt = (endpointId: string, succeeded = true, durationMs = 12) => ({
  tenantId: 'acme',
  endpointId,
  succeeded,
  durationMs,
});

describe('RollupBuffer', () => {
  it('sums what falls into the same minute, for the endpoint and for its tenant', () => {
    const buffer = new RollupBuffer(100);
    buffer.attempted(NOON_MS, attempt('a'));
    buffer.attempted(NOON_MS + 59_999, attempt('a', false, 700));
    buffer.attempted(NOON_MS + 1_000, attempt('b'));
    buffer.accepted(NOON_MS + 2_000, 'acme', 3);
    buffer.settled(NOON_MS + 3_000, 'acme', 'succeeded', 2);
    const { endpoints, tenants } = buffer.take();

    expect(endpoints.map(({ endpointId, succeeded, failed }) => ({ endpointId, succeeded, failed }))).toEqual([
      { endpointId: 'a', succeeded: 1, failed: 1 },
      { endpointId: 'b', succeeded: 1, failed: 0 },
    ]);
    expect(endpoints[0]).toMatchObject({
      minuteMs: NOON_MS,
      lastSuccessMs: NOON_MS,
      lastFailureMs: NOON_MS + 59_999,
    });
    expect(endpoints[0]?.latencyCounts[bucketOf(12)]).toBe(1);
    expect(endpoints[0]?.latencyCounts[bucketOf(700)]).toBe(1);
    expect(tenants).toHaveLength(1);
    expect(tenants[0]).toMatchObject({
      events: 1,
      deliveries: 3,
      settled: { succeeded: 2, dead_letter: 0, cancelled: 0 },
      attemptsSucceeded: 2,
      attemptsFailed: 1,
    });
    expect(tenants[0]?.latencyCounts[bucketOf(12)]).toBe(2);
  });

  it('keeps minutes and tenants apart', () => {
    const buffer = new RollupBuffer(100);
    buffer.accepted(NOON_MS, 'acme', 1);
    buffer.accepted(NOON_MS + MINUTE_MS, 'acme', 1);
    buffer.accepted(NOON_MS, 'globex', 1);
    expect(buffer.take().tenants.map(({ tenantId, minuteMs }) => [tenantId, minuteMs])).toEqual([
      ['acme', NOON_MS],
      ['acme', NOON_MS + MINUTE_MS],
      ['globex', NOON_MS],
    ]);
  });

  it('is empty once everything was taken', () => {
    const buffer = new RollupBuffer(100);
    expect(buffer.isEmpty).toBe(true);
    buffer.accepted(NOON_MS, 'acme', 0);
    expect(buffer.isEmpty).toBe(false);
    buffer.take();
    expect(buffer.isEmpty).toBe(true);
    expect(buffer.take()).toEqual({ endpoints: [], tenants: [] });
  });

  it('adds what is put back to what came meanwhile', () => {
    const buffer = new RollupBuffer(100);
    buffer.attempted(NOON_MS, attempt('a', true, 5));
    buffer.settled(NOON_MS, 'acme', 'dead_letter', 1);
    buffer.accepted(NOON_MS, 'acme', 2);
    const taken = buffer.take();
    buffer.attempted(NOON_MS + 5_000, attempt('a', true, 5));
    buffer.attempted(NOON_MS + 6_000, attempt('a', false, 5));
    buffer.settled(NOON_MS, 'acme', 'dead_letter', 3);
    buffer.accepted(NOON_MS, 'acme', 5);
    buffer.putBack(taken.endpoints, taken.tenants);
    const { endpoints, tenants } = buffer.take();

    expect(endpoints).toHaveLength(1);
    expect(endpoints[0]).toMatchObject({
      succeeded: 2,
      failed: 1,
      lastSuccessMs: NOON_MS + 5_000,
      lastFailureMs: NOON_MS + 6_000,
    });
    expect(endpoints[0]?.latencyCounts[bucketOf(5)]).toBe(3);
    expect(tenants).toHaveLength(1);
    expect(tenants[0]).toMatchObject({
      events: 2,
      deliveries: 7,
      settled: { succeeded: 0, dead_letter: 4, cancelled: 0 },
      attemptsSucceeded: 2,
      attemptsFailed: 1,
    });
  });

  it('gives up the oldest sums beyond its bound, those that were put back first of all', () => {
    const buffer = new RollupBuffer(2);
    buffer.accepted(NOON_MS, 'first', 0);
    const taken = buffer.take();
    buffer.accepted(NOON_MS, 'second', 0);
    buffer.accepted(NOON_MS, 'third', 0);
    expect(buffer.dropped).toBe(0);
    buffer.putBack(taken.endpoints, taken.tenants);
    expect(buffer.dropped).toBe(1);
    expect(buffer.take().tenants.map(({ tenantId }) => tenantId)).toEqual(['second', 'third']);
  });
});

import { bucketOf, noLatencies } from '../../src/stats/latency-buckets.js';
import type { StatsDto } from '../../src/stats/stats.dto.js';
import type { ApiApp } from '../support/api-app.js';
import { HOUR_MS, MINUTE_MS, startStatsApi, StatsTenant, type Json } from '../support/stats-api.js';

let api: ApiApp;
let acme: StatsTenant;
beforeAll(async () => {
  api = await startStatsApi();
});
beforeEach(async () => {
  acme = await StatsTenant.create(api);
});
afterAll(() => api.close());

describe('GET /stats', () => {
  it.each([
    ['1h', 60, MINUTE_MS],
    ['24h', 96, 15 * MINUTE_MS],
    ['7d', 84, 2 * HOUR_MS],
  ])('gives a series of %s without gaps, at round times', async (window, steps, stepMs) => {
    await acme.insertMinute(3, { events: 5 });
    const { series, since } = await acme.stats(window);
    expect(series).toHaveLength(steps);
    expect(series[0]?.at).toBe(since);
    const times = series.map(({ at }) => Date.parse(at));
    for (const [index, time] of times.entries()) {
      expect(time % stepMs).toBe(0);
      if (index > 0) expect(time - (times[index - 1] as number)).toBe(stepMs);
    }
    const empty = { events: 0, deliveries: 0, succeeded: 0, failed: 0 };
    expect(series.filter((point) => point.events === 0)).toHaveLength(steps - 1);
    expect(series[0]).toEqual({ at: since, ...empty });
  });

  it('counts what happened within its window and nothing older', async () => {
    await acme.insertMinute(10, { events: 1, attemptsSucceeded: 1 });
    await acme.insertMinute(70, { events: 10, attemptsFailed: 2 });
    await acme.insertMinute(26 * 60, { events: 100, deadLetter: 4 });
    await acme.insertMinute(8 * 24 * 60, { events: 1_000 });
    expect(await acme.stats('1h')).toMatchObject({ events: 1, attempts: { succeeded: 1, failed: 0 }, success_rate: 1 });
    expect(await acme.stats('24h')).toMatchObject({ events: 11, attempts: { succeeded: 1, failed: 2 } });
    expect(await acme.stats('7d')).toMatchObject({ events: 111, deliveries: { dead_letter: 4 } });
    for (const window of ['1h', '24h', '7d']) {
      const { events, attempts, series } = await acme.stats(window);
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
    await acme.insertMinute(5, { attemptsSucceeded: 90, latencyCounts: counts(30, 90) });
    await acme.insertMinute(6, { attemptsFailed: 10, latencyCounts: counts(14_000, 10) });
    const { latency_ms: latency } = await acme.stats();
    expect(bucketOf(latency.p50 as number)).toBe(bucketOf(30));
    expect(bucketOf(latency.p95 as number)).toBe(bucketOf(14_000));
    expect(bucketOf(latency.p99 as number)).toBe(bucketOf(14_000));
  });

  it('is empty for a new tenant, over a day unless told otherwise', async () => {
    const { body } = await acme.tenant.call<Json<StatsDto>>('GET', '/stats');
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
    await acme.insertMinute(2, { events: 7, attemptsSucceeded: 7 });
    await acme.seedDeliveries(4);
    const stranger = await StatsTenant.create(api);
    expect(await stranger.stats()).toMatchObject({ events: 0, deliveries: { pending: 0 } });
    expect(await acme.stats()).toMatchObject({ events: 7, deliveries: { pending: 4 } });
  });

  it.each(['2h', '', '1h&window=24h', '1h&from=yesterday'])('refuses the window %j', async (window) => {
    const answer = await acme.tenant.call('GET', `/stats?window=${window}`);
    expect(answer.status).toBe(422);
  });
});

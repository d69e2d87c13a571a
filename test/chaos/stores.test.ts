import { describeBackends, describeRedis } from '../support/backends.js';
import { printCase } from '../support/chaos-report.js';
import { stopAllProcesses } from '../support/processes.js';
import { restartPostgres } from './cases/postgres-restarts.js';
import { fillRedis, flushRedis, restartRedisEmpty, type RedisFaultReport } from './cases/redis-faults.js';

jest.setTimeout(900_000);
afterAll(stopAllProcesses);

/** Publishing must not feel what Redis does. */
const MAX_PUBLISH_MS = 3_000;

function expectNothingLost(report: RedisFaultReport, events: number): void {
  const { accepted, lost, publishes } = report;
  expect({ accepted, lost }).toEqual({ accepted: events, lost: 0 });
  expect(report.duplicates).toBe(0);
  expect(publishes.statuses).toEqual({ 202: events });
  expect(publishes.maxMs).toBeLessThan(MAX_PUBLISH_MS);
}

describeRedis('Redis in mid-run', () => {
  it('is flushed: every publish is answered 202, and nothing is lost', async () => {
    const report = await flushRedis({ events: 5_000, perSecond: 200 });
    printCase('FLUSHALL [redis]', report, { publishes: report.publishes });
    expectNothingLost(report, 5_000);
  });

  it('is away for a minute and comes back empty', async () => {
    const report = await restartRedisEmpty({ events: 8_000, perSecond: 100, awayMs: 60_000 });
    printCase('Redis away for a minute, back empty [redis]', report, {
      publishes: report.publishes,
      readiness: report.readiness,
    });
    expectNothingLost(report, 8_000);
    expect(report.readiness).toEqual(['200 degraded']);
  });

  it('is full for 20 s, and evicts nothing', async () => {
    const report = await fillRedis({ events: 5_000, perSecond: 100, fullMs: 20_000 });
    printCase('Redis full for 20 s [redis]', report, { publishes: report.publishes, readiness: report.readiness });
    expectNothingLost(report, 5_000);
  });
});

describeBackends('PostgreSQL in mid-run', (backend) => {
  it('is restarted twice: publishes are answered 202 or 503, and no 202 is lost', async () => {
    const report = await restartPostgres({ backend, events: 5_000, perSecond: 100, restarts: 2, awayMs: 3_000 });
    printCase(`PostgreSQL restarted twice [${backend}]`, report, { publishes: report.publishes });
    expect(report).toMatchObject({ lost: 0 });
    expect(report.duplicates).toBe(0);
    expect(Object.keys(report.publishes.statuses).sort()).toEqual(['202', '503']);
  });
});

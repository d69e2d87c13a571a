import { describeBackends } from '../support/backends.js';
import { printCase } from '../support/chaos-report.js';
import { stopAllProcesses } from '../support/processes.js';
import { killApi } from './cases/api-kills.js';
import { shiftClock } from './cases/shifted-clocks.js';
import {
  killTwiceOnOneJob,
  killWorkers,
  stopWorkerInOrder,
  stopWorkersTime,
  MOST_REPEATED,
} from './cases/worker-kills.js';

jest.setTimeout(900_000);
afterAll(stopAllProcesses);

describeBackends('processes that die', (backend) => {
  it('lose nothing when ten workers are killed during 10,000 events', async () => {
    const kills = 10;
    const report = await killWorkers({ backend, events: 10_000, perSecond: 100, kills, tenants: 20 });
    printCase(`ten workers killed [${backend}]`, report, { publishes: report.publishes });
    expect(report).toMatchObject({ accepted: 10_000, lost: 0 });
    expect(report.duplicates).toBeLessThanOrEqual(kills * MOST_REPEATED);
  });

  it('lose nothing when one job loses its worker twice', async () => {
    const report = await killTwiceOnOneJob(backend);
    const { arrivals, attempts } = report;
    printCase(`one job killed twice [${backend}]`, report, { arrivals, attempts });
    // What a kill interrupts spends no attempt: nobody can tell how it went.
    expect(report).toMatchObject({ accepted: 1, lost: 0, arrivals: 3, attempts: 1 });
    expect(report.duplicates).toBe(0);
  });

  it('lose nothing when the API dies between commit and enqueue, before its answers', async () => {
    const report = await killApi(backend, 'kill', 1_000);
    printCase(`API killed before its answers [${backend}]`, report, { 'duplicate answers': report.duplicateAnswers });
    expect(report).toMatchObject({ accepted: 1_000, stored: 1_000, lost: 0, unacknowledged: 0 });
    expect(report.duplicates).toBe(0);
    expect(report.duplicateAnswers).toBeGreaterThan(0);
  });

  it('lose nothing when the API dies between commit and enqueue, after its answers', async () => {
    const report = await killApi(backend, 'hang', 1_000);
    printCase(`API killed after its answers [${backend}]`, report);
    expect(report).toMatchObject({ accepted: 1_000, stored: 1_000, lost: 0, unacknowledged: 0 });
    expect(report.duplicates).toBe(0);
  });

  it('lose nothing and repeat nothing when the worker stands still for longer than its attempts may take', async () => {
    const report = await stopWorkersTime({ backend, events: 2_000, perSecond: 100 });
    printCase(`worker stood still for 8 s [${backend}]`, report);
    expect(report).toMatchObject({ accepted: 2_000, lost: 0, duplicates: 0, failedAttempts: 0 });
  });

  it('lose nothing and repeat nothing when a worker is told to end', async () => {
    const report = await stopWorkerInOrder(backend, 2_000, 200);
    printCase(`worker stopped in order [${backend}]`, report);
    expect(report).toMatchObject({ accepted: 2_000, lost: 0, exit: { code: 0, signal: null } });
    expect(report.duplicates).toBe(0);
  });
});

describeBackends('a worker whose clock is off', (backend) => {
  it.each([600_000, -600_000])('by %i ms keeps the schedule and dates signatures rightly', async (shiftMs) => {
    const report = await shiftClock(backend, shiftMs, { events: 500, gapSeconds: 5 });
    const { shortestGapSeconds, longestGapSeconds, timestampErrorSeconds } = report;
    printCase(`clock off by ${shiftMs / 60_000} min [${backend}]`, report, {
      shortestGapSeconds,
      longestGapSeconds,
      timestampErrorSeconds,
    });
    expect(report).toMatchObject({ accepted: 500, lost: 0 });
    expect(report.duplicates).toBe(0);
    expect(report.attempts).toBeGreaterThan(600);
    expect(shortestGapSeconds).toBeGreaterThan(4.99);
    // Ten minutes would show; what is less is a busy machine.
    expect(longestGapSeconds).toBeLessThan(60);
    expect(timestampErrorSeconds).toBeLessThan(60);
  });
});

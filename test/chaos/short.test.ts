import { describeBackends, describeRedis } from '../support/backends.js';
import { causedDuplicates, printCase } from '../support/chaos-report.js';
import { stopAllProcesses } from '../support/processes.js';
import { killApi } from './cases/api-kills.js';
import { restartPostgres } from './cases/postgres-restarts.js';
import { flushRedis } from './cases/redis-faults.js';
import { killWorkers, stopWorkerInOrder, WORKER_CONCURRENCY } from './cases/worker-kills.js';

// The cases wait for leases most of the time, so they wait together: each has an installation of its own.
jest.setTimeout(300_000);
afterAll(stopAllProcesses);

describe('an API that dies between commit and enqueue [postgres]', () => {
  it.concurrent('loses nothing, and its producers may repeat themselves', async () => {
    const report = await killApi('postgres', 'kill', 100);
    printCase('API killed before its answers [postgres]', report, { 'duplicate answers': report.duplicateAnswers });
    expect(report).toMatchObject({ accepted: 100, stored: 100, lost: 0, unacknowledged: 0 });
    expect(report.duplicateAnswers).toBeGreaterThan(0);
    expect(causedDuplicates(report)).toBe(0);
  });
});

describeBackends('a fault in mid-run loses nothing', (backend) => {
  it.concurrent('when a worker is killed', async () => {
    const report = await killWorkers({ backend, events: 500, perSecond: 100, kills: 1, tenants: 4 });
    printCase(`worker killed once [${backend}]`, report, { publishes: report.publishes });
    expect(report).toMatchObject({ accepted: 500, lost: 0 });
    expect(causedDuplicates(report)).toBeLessThanOrEqual(WORKER_CONCURRENCY);
  });

  it.concurrent('when PostgreSQL is restarted', async () => {
    const report = await restartPostgres({ backend, events: 500, perSecond: 100, restarts: 1, awayMs: 500 });
    printCase(`PostgreSQL restarted once [${backend}]`, report, { publishes: report.publishes });
    expect(report.lost).toBe(0);
    expect(causedDuplicates(report)).toBe(0);
    expect(Object.keys(report.publishes.statuses).sort()).toEqual(['202', '503']);
  });
});

describeRedis('a fault in mid-run loses nothing', () => {
  it.concurrent('when Redis is flushed', async () => {
    const report = await flushRedis({ events: 500, perSecond: 100 });
    printCase('FLUSHALL [redis]', report, { publishes: report.publishes });
    expect(report).toMatchObject({ accepted: 500, lost: 0 });
    expect(causedDuplicates(report)).toBe(0);
    expect(Object.keys(report.publishes.statuses)).toEqual(['202']);
  });
});

describe('a worker that is told to end in mid-run [postgres]', () => {
  it.concurrent('loses nothing, repeats nothing, and ends in order', async () => {
    const report = await stopWorkerInOrder('postgres', 500, 100);
    printCase('worker stopped in order [postgres]', report);
    expect(report).toMatchObject({ accepted: 500, lost: 0, exit: { code: 0, signal: null } });
    expect(causedDuplicates(report)).toBe(0);
  });
});

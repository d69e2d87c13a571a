import { describeRedis, type Backend } from '../support/backends.js';
import { printCase } from '../support/chaos-report.js';
import { stopAllProcesses } from '../support/processes.js';
import { killApi } from './cases/api-kills.js';
import { restartPostgres } from './cases/postgres-restarts.js';
import { flushRedis } from './cases/redis-faults.js';
import { killWorkers, MOST_REPEATED } from './cases/worker-kills.js';

// The cases wait for leases most of the time, so they wait together (jest runs those of one describe side by side): each has an
// installation of its own.
jest.setTimeout(300_000);
afterAll(stopAllProcesses);

function itSurvivesTheKillOfAWorker(backend: Backend): void {
  it.concurrent('when a worker is killed', async () => {
    const report = await killWorkers({ backend, events: 500, perSecond: 100, kills: 1, tenants: 4 });
    printCase(`worker killed once [${backend}]`, report, { publishes: report.publishes });
    expect(report).toMatchObject({ accepted: 500, lost: 0 });
    expect(report.duplicates).toBeLessThanOrEqual(MOST_REPEATED);
  });
}

function itSurvivesTheDeathOfAnApi(backend: Backend): void {
  it.concurrent('when the API dies between commit and enqueue, and its producers repeat themselves', async () => {
    const report = await killApi(backend, 'kill', 100);
    printCase(`API killed before its answers [${backend}]`, report, { 'duplicate answers': report.duplicateAnswers });
    expect(report).toMatchObject({ accepted: 100, stored: 100, lost: 0, unacknowledged: 0 });
    expect(report.duplicateAnswers).toBeGreaterThan(0);
    expect(report.duplicates).toBe(0);
  });
}

describe('nothing is lost in mid-run [postgres]', () => {
  itSurvivesTheKillOfAWorker('postgres');
  itSurvivesTheDeathOfAnApi('postgres');

  it.concurrent('when PostgreSQL is restarted', async () => {
    const report = await restartPostgres({
      backend: 'postgres',
      events: 500,
      perSecond: 100,
      restarts: 1,
      awayMs: 500,
    });
    printCase('PostgreSQL restarted once [postgres]', report, { publishes: report.publishes });
    expect(report.lost).toBe(0);
    expect(report.duplicates).toBe(0);
    expect(Object.keys(report.publishes.statuses).sort()).toEqual(['202', '503']);
  });
});

describeRedis('nothing is lost in mid-run', () => {
  itSurvivesTheKillOfAWorker('redis');
  itSurvivesTheDeathOfAnApi('redis');

  it.concurrent('when Redis is flushed', async () => {
    const report = await flushRedis({ events: 500, perSecond: 100 });
    printCase('FLUSHALL [redis]', report, { publishes: report.publishes });
    expect(report).toMatchObject({ accepted: 500, lost: 0 });
    expect(report.duplicates).toBe(0);
    expect(Object.keys(report.publishes.statuses)).toEqual(['202']);
  });
});

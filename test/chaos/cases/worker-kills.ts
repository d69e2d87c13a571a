import type { Backend } from '../../support/backends.js';
import { Chaos } from '../../support/chaos.js';
import { Publisher } from '../../support/chaos-publisher.js';
import type { CaseReport } from '../../support/chaos-report.js';
import { waitFor } from '../../support/processes.js';

/** What a kill may at most repeat: far less than a worker has places for, as its receivers answer within 20 ms. */
export const MOST_REPEATED = 200;

export interface WorkerKillOptions {
  backend: Backend;
  events: number;
  perSecond: number;
  kills: number;
  tenants: number;
}

/** Workers are killed at random moments while events come in, and each is replaced at once, as a supervisor would. */
export async function killWorkers(options: WorkerKillOptions): Promise<CaseReport & { publishes: unknown }> {
  const { backend, events, perSecond, kills, tenants: tenantCount } = options;
  return Chaos.run({ backend, workers: 2 }, async (chaos) => {
    const tenants = await chaos.createTenants(tenantCount);
    // A receiver that takes its time, so that a kill meets attempts under way.
    for (let n = 0; n < tenantCount; n++) {
      chaos.ledger.answer(`/t-${n}`, () => new Promise((resolve) => setTimeout(() => resolve(200), 20)));
    }
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond });
    const moments = Array.from({ length: kills }, () => Math.random() * 0.9 * events).sort((a, b) => a - b);
    for (const moment of moments) {
      await waitFor(() => publisher.progress >= moment, { timeoutMs: 600_000, what: 'the next moment to kill' });
      const { workers } = chaos.posthaste;
      const victim = workers[workers.length - 2];
      if (victim === undefined) throw new Error('No worker');
      await chaos.kill(victim);
      await chaos.posthaste.startWorker();
    }
    await publisher.done;
    const report = await chaos.settle(300_000);
    return { ...report, publishes: publisher.figures() };
  });
}

/** The same job loses its worker twice; BullMQ gives a job up after that, and only the lease brings it back. */
export async function killTwiceOnOneJob(
  backend: Backend,
): Promise<CaseReport & { arrivals: number; attempts: number }> {
  return Chaos.run({ backend, workers: 1 }, async (chaos) => {
    const tenants = await chaos.createTenants(1);
    chaos.ledger.answer('/t-0', ({ nth }) => (nth <= 2 ? null : 200));
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events: 1, perSecond: 1 });
    await publisher.done;
    for (const nth of [1, 2]) {
      await waitFor(() => chaos.ledger.requestsAt('/t-0') >= nth, { timeoutMs: 180_000, what: `attempt ${nth}` });
      const worker = chaos.posthaste.workers.at(-1);
      if (worker === undefined) throw new Error('No worker');
      await chaos.kill(worker);
      await chaos.posthaste.startWorker();
    }
    const report = await chaos.settle(180_000);
    const rows = await chaos.query<{ attempts: number }>(`SELECT attempts FROM deliveries`);
    const arrivals = chaos.ledger.requestsAt('/t-0');
    return { ...report, arrivals, attempts: rows[0]?.attempts ?? 0 };
  });
}

/** One worker is told to end in mid-run, while another works on. */
export async function stopWorkerInOrder(
  backend: Backend,
  events: number,
  perSecond: number,
): Promise<CaseReport & { exit: unknown }> {
  return Chaos.run({ backend, workers: 2 }, async (chaos) => {
    const tenants = await chaos.createTenants(4);
    for (let n = 0; n < 4; n++) {
      chaos.ledger.answer(`/t-${n}`, () => new Promise((resolve) => setTimeout(() => resolve(200), 50)));
    }
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond });
    await waitFor(() => publisher.progress >= events / 2, { timeoutMs: 120_000, what: 'half of the events' });
    const exit = await chaos.posthaste.workers[0]?.stop();
    await publisher.done;
    const report = await chaos.settle(120_000);
    return { ...report, exit };
  });
}

export interface StandstillOptions {
  backend: Backend;
  events: number;
  perSecond: number;
}

/** Longer than the attempts under way may take, shorter than BullMQ waits for a sign of life (30 s). */
const STANDSTILL_MS = 8_000;
const TIMEOUT_MS = 5_000;

/** The only worker stands still (SIGSTOP) in mid-run, as when its virtual machine is moved, and then goes on where it was. */
export async function stopWorkersTime(options: StandstillOptions): Promise<CaseReport> {
  const { backend, events, perSecond } = options;
  return Chaos.run({ backend, workers: 1 }, async (chaos) => {
    const tenants = await chaos.createTenants(4, 't', { timeout_ms: TIMEOUT_MS });
    // What is under way when the worker stops is answered while it stands still.
    for (let n = 0; n < 4; n++) {
      chaos.ledger.answer(`/t-${n}`, () => new Promise((resolve) => setTimeout(() => resolve(200), 100)));
    }
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond });
    await waitFor(() => publisher.progress >= events / 2, { timeoutMs: 120_000, what: 'half of the events' });
    const pid = chaos.posthaste.workers[0]?.pid;
    if (pid === undefined) throw new Error('No worker');
    process.kill(pid, 'SIGSTOP');
    const goesOnAt = performance.now() + STANDSTILL_MS;
    await waitFor(() => performance.now() > goesOnAt, { timeoutMs: 2 * STANDSTILL_MS, what: 'the time to go on' });
    process.kill(pid, 'SIGCONT');
    await publisher.done;
    return chaos.settle(120_000);
  });
}

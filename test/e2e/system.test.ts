import { describeBackends } from '../support/backends.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

interface SystemBody {
  backend: string;
  version: string;
  queue: { waiting: number; active: number; failed: number } | null;
  deliveries: {
    due: number;
    leased: number;
    scheduled: number;
    held: Record<string, number>;
    oldest_due_at: string | null;
  };
  workers: { id: string; pid: number; version: string; alive: boolean; last_seen_at: string }[];
}

describeBackends("the operator's view of the installation", (backend) => {
  const installation = useInstallation({ backend, workers: 2 });
  const system = (): Promise<SystemBody> => installation.posthaste.operator.get<SystemBody>('/system');
  const alive = async (): Promise<number[]> => (await system()).workers.filter((w) => w.alive).map(({ pid }) => pid);
  const pids = (): number[] => installation.posthaste.workers.map(({ pid }) => pid);

  it('names every worker that lives, and what the queue runs on', async () => {
    await waitFor(async () => (await alive()).length === 2, { what: 'both workers to be seen' });
    const body = await system();
    expect(body).toMatchObject({ backend, queue: { failed: 0 }, version: expect.stringMatching(/^\d/) as string });
    expect(body.workers.map(({ pid }) => pid).sort()).toEqual(pids().sort());
  });

  it('forgets a worker that stops, and tells of one that was not seen for a while', async () => {
    const { posthaste } = installation;
    const stopped = await posthaste.startWorker();
    await waitFor(async () => (await alive()).includes(stopped.pid), { what: 'the new worker to be seen' });
    await stopped.stop();
    expect((await system()).workers.map(({ pid }) => pid)).not.toContain(stopped.pid);
    await posthaste.query(
      `INSERT INTO worker_processes (id, host, pid, version, last_seen_at)
       VALUES (gen_random_uuid(), 'lost', 1, '0.0.1', now() - interval '20 seconds')`,
    );
    expect((await system()).workers.find(({ pid }) => pid === 1)).toMatchObject({ alive: false });
  });

  it('counts what waits, and for what', async () => {
    const { posthaste, hooks } = installation;
    const tenant = await posthaste.operator.createTenant();
    const { id: disabled } = await tenant.createEndpoint(hooks.url('/ok'), { is_active: false });
    const later = { max_attempts: 2, schedule_seconds: [3_600] };
    const { id: waiting } = await tenant.createEndpoint(hooks.url('/ok'), { retry_policy: later });
    await tenant.publish({ endpoint_ids: [disabled, waiting] });
    await waitFor(async () => (await system()).deliveries.held.disabled === 1, { what: 'the held one' });
    expect((await system()).deliveries).toMatchObject({ scheduled: 1, oldest_due_at: null, due: 0, leased: 0 });
    await Promise.all(posthaste.workers.map((worker) => worker.stop()));
    await posthaste.query(`UPDATE deliveries SET next_attempt_at = now() - interval '1 minute' WHERE held_by IS NULL`);
    const { deliveries } = await system();
    expect(deliveries).toMatchObject({ due: 1, scheduled: 0 });
    expect(Date.now() - Date.parse(deliveries.oldest_due_at ?? '')).toBeGreaterThan(59_000);
  });
});

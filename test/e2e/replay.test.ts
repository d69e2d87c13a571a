import pg from 'pg';
import type { BatchBody, DeadLetterBody, DeliveryBody, TenantClient } from '../support/api-client.js';
import { describeBackends } from '../support/backends.js';
import { HookServer } from '../support/hook-server.js';
import { useInstallation } from '../support/installation.js';
import { startPosthaste, type Posthaste } from '../support/posthaste.js';
import { waitFor } from '../support/processes.js';

interface ReplayBody {
  id: string;
  status: string;
  total: number;
  done: number;
  failed: number;
}

const EPOCH = '2020-01-01T00:00:00Z';
const ONCE = { max_attempts: 1, schedule_seconds: [0] };
const CRASH_EVENTS = 3_000;
const CRASH_TIMEOUT_MS = 180_000;
/** Any number that nobody else locks. */
const GATE_LOCK = 4_711;

const progress = (acme: TenantClient, { id }: ReplayBody): Promise<ReplayBody> =>
  acme.get<ReplayBody>(`/replays/${id}`);

async function finished(acme: TenantClient, replay: ReplayBody, timeoutMs = 20_000): Promise<ReplayBody> {
  let now = replay;
  await waitFor(async () => (now = await progress(acme, replay)).status !== 'running', {
    what: `replay ${replay.id} to end`,
    timeoutMs,
  });
  return now;
}

describeBackends('replays', (backend) => {
  const installation = useInstallation({ backend });

  it('bring an endpoint what was published before it was made, under the ids of the events', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const events = [await acme.publish(), await acme.publish(), await acme.publish({ event_type: 'other' })];
    const endpoint = await acme.createEndpoint(hooks.url('/late'), { event_types: ['order.*'] });
    const replay = await acme.post<ReplayBody>(`/endpoints/${endpoint.id}/replay`, { since: EPOCH, status: 'missing' });
    expect(replay).toMatchObject({ status: 'running', total: 2, done: 0, failed: 0 });
    expect(await finished(acme, replay)).toMatchObject({ status: 'completed', total: 2, done: 2, failed: 0 });
    const received = await hooks.waitForRequests('/late', 2);
    expect(received.map(({ headers }) => headers['webhook-id']).sort()).toEqual(events.slice(0, 2).map(({ id }) => id));
  });

  it.each([
    ['of an endpoint', (id: string) => [`/endpoints/${id}/replay`, { since: EPOCH, status: 'dead_letter' }] as const],
    [
      'by a filter',
      (id: string) => ['/dead-letters/retry', { endpoint_id: id, reason: 'attempts_exhausted' }] as const,
    ],
  ])('resolve the dead letters %s, once the receiver is well again', async (name, request) => {
    const { posthaste, hooks } = installation;
    const path = `/${name.replaceAll(' ', '-')}`;
    const acme = await posthaste.operator.createTenant();
    hooks.respond(path, (_hook, nth) => ({ status: nth <= 4 ? 500 : 200 }));
    const endpoint = await acme.createEndpoint(hooks.url(path), { retry_policy: ONCE });
    const events = await Promise.all([acme.publish(), acme.publish()]);
    for (const { id } of events) expect(await acme.settled(id)).toMatchObject([{ status: 'dead_letter' }]);

    // The receiver is still ill: the letters take in the further attempt, and there are no more of them.
    const [route, body] = request(endpoint.id);
    expect(await finished(acme, await acme.post<ReplayBody>(route, body))).toMatchObject({ total: 2, done: 2 });
    for (const { id } of events) await acme.settled(id);
    const unresolved = await acme.list<DeadLetterBody>('/dead-letters?resolved=false');
    expect(unresolved.map(({ attempts }) => attempts)).toEqual([2, 2]);

    expect(await finished(acme, await acme.post<ReplayBody>(route, body))).toMatchObject({ total: 2, done: 2 });
    for (const { id } of events) {
      const deliveries: DeliveryBody[] = await acme.settled(id);
      expect(deliveries.map(({ status }) => status)).toEqual(['succeeded', 'dead_letter', 'dead_letter']);
    }
    const letters = await acme.list<DeadLetterBody>('/dead-letters');
    expect(letters.map(({ resolution }) => resolution)).toEqual(['retried', 'retried']);
    expect(hooks.at(path)).toHaveLength(6);
    expect(await acme.post<ReplayBody>(route, body)).toMatchObject({ status: 'completed', total: 0 });
  });
});

describeBackends('a replay whose workers are killed', (backend) => {
  let posthaste: Posthaste;
  let hooks: HookServer;
  let gate: pg.Client;
  beforeAll(async () => {
    hooks = await HookServer.start();
    posthaste = await startPosthaste({ backend, workers: 2, env: { LEASE_SECONDS: '5' } });
    gate = new pg.Client({ connectionString: posthaste.databaseUrl });
    await gate.connect();
  });
  afterAll(async () => {
    await gate.end();
    await posthaste.stop();
    await hooks.close();
  });

  /** From now on a chunk stops after its deliveries are made and before its progress is written, until the gate opens. */
  const closeGate = async (): Promise<void> => {
    await gate.query('SELECT pg_advisory_lock($1)', [GATE_LOCK]);
    await gate.query(`
      CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${GATE_LOCK}); RETURN NULL; END $$;
      CREATE TRIGGER wait_at_gate AFTER INSERT ON deliveries FOR EACH STATEMENT EXECUTE FUNCTION wait_at_gate()`);
  };
  const someoneWaitsAtGate = async (): Promise<boolean> =>
    (
      await posthaste.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'`,
      )
    ).length > 0;
  const openGate = async (): Promise<void> => {
    await gate.query('SELECT pg_advisory_unlock($1)', [GATE_LOCK]);
    await gate.query('DROP FUNCTION wait_at_gate CASCADE');
  };

  it(
    'makes exactly one fresh delivery of each item all the same',
    async () => {
      const acme = await posthaste.operator.createTenant();
      for (let published = 0; published < CRASH_EVENTS; published += 500) {
        const events = Array.from({ length: 500 }, (_, n) => ({
          event_type: 'order.created',
          payload: { n: published + n },
        }));
        expect((await acme.post<BatchBody>('/events/batch', { events })).accepted).toBe(500);
      }
      const endpoint = await acme.createEndpoint(hooks.url('/crash'));
      const replay = await acme.post<ReplayBody>(`/endpoints/${endpoint.id}/replay`, { since: EPOCH });
      expect(replay.total).toBe(CRASH_EVENTS);
      const isDone = (count: number) =>
        waitFor(async () => (await progress(acme, replay)).done >= count, { what: `${count} done` });

      await isDone(400);
      await posthaste.workers[0]?.kill();
      const during = await acme.publish();
      await isDone(1_000);
      await closeGate();
      await waitFor(someoneWaitsAtGate, { what: 'a chunk in the middle' });
      await posthaste.workers[1]?.kill();
      await openGate();
      await Promise.all([posthaste.startWorker(), posthaste.startWorker()]);

      expect(await finished(acme, replay, 60_000)).toMatchObject({
        status: 'completed',
        total: CRASH_EVENTS,
        done: CRASH_EVENTS,
        failed: 0,
      });
      const counts = `SELECT count(*)::int AS deliveries, count(DISTINCT event_id)::int AS events FROM deliveries
      WHERE endpoint_id = $1 AND event_id <> $2`;
      expect(await posthaste.query(counts, [endpoint.id, during.id])).toEqual([
        { deliveries: CRASH_EVENTS, events: CRASH_EVENTS },
      ]);
      const unsettled = `SELECT FROM deliveries WHERE endpoint_id = $1 AND status <> 'succeeded'`;
      await waitFor(async () => (await posthaste.query(unsettled, [endpoint.id])).length === 0, {
        what: 'all deliveries to succeed',
      });
      expect(new Set(hooks.at('/crash').map(({ headers }) => headers['webhook-id'])).size).toBe(CRASH_EVENTS + 1);
      expect(await acme.deliveriesOf(during.id)).toHaveLength(1);
    },
    CRASH_TIMEOUT_MS,
  );
});

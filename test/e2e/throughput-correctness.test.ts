import type { BatchBody, DeliveryBody, Page, TenantClient } from '../support/api-client.js';
import { describeBackends } from '../support/backends.js';
import type { ReceivedHook } from '../support/hook-server.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

const EVENTS = 2_000;
const BATCHED = 1_000;
const BATCH_EVENTS = 100;
const CLIENTS = 20;

const typeOf = (n: number): string => (n % 2 === 0 ? 'number.even' : 'number.odd');

/** Half of them in batches, half one by one from several clients at once. @returns their ids */
async function publishAll(acme: TenantClient): Promise<string[]> {
  const ids: string[] = [];
  const numbers = Array.from({ length: EVENTS }, (_, n) => n);
  const batches = Array.from({ length: BATCHED / BATCH_EVENTS }, () => numbers.splice(0, BATCH_EVENTS));
  const publishBatches = async (): Promise<void> => {
    for (const batch of batches) {
      const events = batch.map((n) => ({ event_type: typeOf(n), payload: { n } }));
      const answer = await acme.post<BatchBody>('/events/batch', { events });
      ids.push(...answer.results.flatMap(({ id, status }) => (status === 'accepted' && id !== undefined ? [id] : [])));
    }
  };
  const publishOneByOne = async (): Promise<void> => {
    for (let n = numbers.shift(); n !== undefined; n = numbers.shift()) {
      ids.push((await acme.publish({ event_type: typeOf(n), payload: { n } })).id);
    }
  };
  await Promise.all([publishBatches(), ...Array.from({ length: CLIENTS }, publishOneByOne)]);
  return ids;
}

describeBackends('many events through two workers', (backend) => {
  const installation = useInstallation({ backend, workers: 2 });

  it('settle, each delivered as often as it was recorded, none lost and none twice', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant({
      retry_policy: { max_attempts: 30, schedule_seconds: [0, 0.2] },
    });
    hooks.respond('/flaky', (_hook, nth) => ({ status: nth % 3 === 0 ? 500 : 200 }));
    const paths = new Map<string, string>();
    const wanted = { '/all': [], '/even': ['number.even'], '/flaky': ['number.*'] };
    for (const [path, event_types] of Object.entries(wanted)) {
      paths.set((await acme.createEndpoint(hooks.url(path), { event_types, timeout_ms: 30_000 })).id, path);
    }
    const ids = await publishAll(acme);
    expect(new Set(ids).size).toBe(EVENTS);

    const isSettled = async (): Promise<boolean> =>
      (await acme.get<Page<DeliveryBody>>('/deliveries?status=pending&limit=1')).data.length === 0;
    await waitFor(isSettled, {
      what: 'all deliveries to settle',
    });
    const deliveries = await acme.list<DeliveryBody>('/deliveries');
    expect(new Set(deliveries.map(({ id }) => id)).size).toBe(EVENTS * 2.5);
    expect(deliveries.filter(({ status }) => status !== 'succeeded')).toEqual([]);

    const keyOf = (path: string | undefined, eventId: unknown): string => `${path} ${String(eventId)}`;
    const requests = new Map<string, ReceivedHook[]>();
    for (const hook of hooks.received) {
      const key = keyOf(hook.path, hook.headers['webhook-id']);
      requests.set(key, [...(requests.get(key) ?? []), hook]);
    }
    const answersTo = (key: string): number[] => (requests.get(key) ?? []).map(({ status }) => status);
    const expected = deliveries.map(({ endpoint_id, event_id, attempts }): [string, number[]] => [
      keyOf(paths.get(endpoint_id), event_id),
      [...Array<number>(attempts - 1).fill(500), 200],
    ]);
    const differing = expected.filter(([key, statuses]) => String(answersTo(key)) !== String(statuses));
    // With what receiver and attempts say of it and when, as that is the next thing one would ask.
    const told = differing.slice(0, 3).map(async ([key, statuses]) => {
      const delivery = deliveries.find((one) => keyOf(paths.get(one.endpoint_id), one.event_id) === key);
      const attempts = await acme.attemptsOf(delivery?.id ?? '');
      return {
        key,
        statuses,
        received: requests.get(key)?.map(({ atMs, status }) => `${new Date(atMs).toISOString()} ${status}`),
        attempts: attempts.map(({ created_at, error, duration_ms }) => `${created_at} ${error} ${duration_ms} ms`),
      };
    });
    expect(await Promise.all(told)).toEqual([]);
    // Nothing arrived beyond what the deliveries tell of: no duplicates, as nothing was killed.
    expect(hooks.received).toHaveLength(deliveries.reduce((sum, { attempts }) => sum + attempts, 0));
    expect(hooks.received.filter(({ status }) => status === 500)).not.toEqual([]);
    expect(await acme.list('/dead-letters')).toEqual([]);
  });
});

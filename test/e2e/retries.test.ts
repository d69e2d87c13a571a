import { startReceiver, type Receiver } from '../../demo/receiver.js';
import type { DeadLetterBody, DeliveryBody, TenantClient } from '../support/api-client.js';
import { describeBackends } from '../support/backends.js';
import { useInstallation } from '../support/installation.js';

const AT_ONCE = { max_attempts: 3, schedule_seconds: [0], jitter: 0 };
const ONCE = { max_attempts: 1, schedule_seconds: [0] };
/** The second attempt is too far away to come by itself. */
const HOURS_APART = { max_attempts: 3, schedule_seconds: [0, 3_600] };

describeBackends('retries', (backend) => {
  const installation = useInstallation({
    backend,
    env: { DEFAULT_RETRY_POLICY: '{"max_attempts":2,"schedule_seconds":[0],"jitter":0}' },
  });
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver({ port: 0, quiet: true });
  });
  afterAll(() => receiver.close());

  const startTenant = (settings?: Record<string, unknown>): Promise<TenantClient> =>
    installation.posthaste.operator.createTenant(settings);
  /** Publishes an event to an endpoint of its own, and waits until its delivery is over. */
  const deliver = async (acme: TenantClient, url: string, retry_policy?: object): Promise<DeliveryBody> => {
    const endpoint = await acme.createEndpoint(url, { retry_policy });
    const event = await acme.publish({ endpoint_ids: [endpoint.id], payload: { total: 1 } });
    const [delivery] = await acme.settled(event.id);
    return delivery as DeliveryBody;
  };

  it('delivers to a flaky endpoint at the third attempt, under one webhook-id', async () => {
    const acme = await startTenant();
    const delivery = await deliver(acme, `${receiver.url}/flaky?tenant=${acme.id}`, AT_ONCE);
    expect(delivery).toMatchObject({ status: 'succeeded', attempts: 3, last_status_code: 200, last_error: null });

    const received = receiver.received.filter(({ path }) => path.endsWith(acme.id));
    expect(received.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 500],
      [2, 500],
      [3, 200],
    ]);
    expect(new Set(received.map(({ webhookId }) => webhookId))).toEqual(new Set([delivery.event_id]));
    expect((await acme.attemptsOf(delivery.id)).map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'succeeded'],
    ]);
  });

  it('waits before each attempt at least as long as the schedule says, and at most its jitter longer', async () => {
    const { hooks } = installation;
    const acme = await startTenant();
    hooks.respond('/schedule', () => ({ status: 500 }));
    const schedule = [2, 0.3, 0.9];
    const before = Date.now();
    const endpoint = await acme.createEndpoint(hooks.url('/schedule'), {
      retry_policy: { max_attempts: 3, schedule_seconds: schedule, jitter: 1 },
    });
    const event = await acme.publish();
    const waiting = await acme.onlyDeliveryOf(event.id);
    expect(waiting).toMatchObject({ status: 'pending', attempts: 0, held_by: null, endpoint_id: endpoint.id });
    const firstWaitMs = Date.parse(waiting.next_attempt_at ?? '') - Date.parse(waiting.created_at);
    expect(firstWaitMs).toBeGreaterThanOrEqual(2_000);
    expect(firstWaitMs).toBeLessThanOrEqual(4_000);

    await acme.settled(event.id);
    const arrivals = [before, ...hooks.at('/schedule').map(({ atMs }) => atMs)];
    expect(arrivals).toHaveLength(4);
    schedule.forEach((seconds, index) => {
      const waitedMs = (arrivals[index + 1] ?? 0) - (arrivals[index] ?? 0);
      expect(waitedMs).toBeGreaterThanOrEqual(seconds * 1_000);
    });
  });

  it("takes the endpoint's policy before the tenant's, and the tenant's before the installation's", async () => {
    const policy = (max_attempts: number): object => ({ max_attempts, schedule_seconds: [0], jitter: 0 });
    const plain = await startTenant();
    const own = await startTenant({ retry_policy: policy(3) });
    const deliveries = await Promise.all([
      deliver(plain, `${receiver.url}/fail`),
      deliver(own, `${receiver.url}/fail`),
      deliver(own, `${receiver.url}/fail`, policy(4)),
    ]);
    expect(deliveries.map(({ attempts, max_attempts }) => [attempts, max_attempts])).toEqual([
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
  });

  it.each([
    ['quick', 7],
    ['standard', 5],
    ['long', 10],
  ])('knows the preset %s', async (preset, maxAttempts) => {
    const delivery = await deliver(await startTenant(), `${receiver.url}/ok`, { preset });
    expect(delivery).toMatchObject({ status: 'succeeded', attempts: 1, max_attempts: maxAttempts });
  });

  it('heeds Retry-After where it is later than the schedule', async () => {
    const { hooks } = installation;
    const acme = await startTenant();
    hooks.respond('/retry-after', (_hook, nth) =>
      nth === 1 ? { status: 503, headers: { 'retry-after': '1' } } : { status: 200 },
    );
    const delivery = await deliver(acme, hooks.url('/retry-after'), AT_ONCE);
    expect(delivery).toMatchObject({ status: 'succeeded', attempts: 2 });
    const [first, second] = hooks.at('/retry-after').map(({ atMs }) => atMs);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  it('gives up at once on what a transient policy does not try again, and never follows a redirect', async () => {
    const { hooks } = installation;
    const acme = await startTenant();
    const transient = { ...AT_ONCE, retry_on: 'transient' };
    hooks.respond('/redirect', () => ({ status: 302, headers: { location: hooks.url('/redirected-to') } }));
    const deliveries = await Promise.all([
      deliver(acme, `${receiver.url}/status/400`, transient),
      deliver(acme, hooks.url('/redirect'), transient),
      deliver(acme, `${receiver.url}/status/429`, transient),
    ]);
    expect(deliveries.map(({ status, attempts }) => [status, attempts])).toEqual([
      ['dead_letter', 1],
      ['dead_letter', 1],
      ['dead_letter', 3],
    ]);
    expect(hooks.at('/redirected-to')).toEqual([]);
  });

  it('makes a dead letter with the payload of what failed max_attempts times', async () => {
    const acme = await startTenant();
    const delivery = await deliver(acme, `${receiver.url}/fail`, AT_ONCE);
    expect(delivery).toMatchObject({
      status: 'dead_letter',
      attempts: 3,
      next_attempt_at: null,
      last_status_code: 500,
    });
    expect(delivery.completed_at).not.toBeNull();
    expect(await acme.deadLetterOf(delivery)).toMatchObject({
      event_id: delivery.event_id,
      reason: 'attempts_exhausted',
      attempts: 3,
      payload: { total: 1 },
      last_status_code: 500,
      last_error: 'HTTP 500',
      resolved_at: null,
    });
  });

  it('retries a dead letter with a fresh delivery, and resolves it when that arrives', async () => {
    const acme = await startTenant();
    // Two and two failures: a fifth in a row would open the endpoint's circuit.
    const failed = await deliver(acme, `${receiver.url}/fail`, { ...AT_ONCE, max_attempts: 2 });
    const letter = await acme.deadLetterOf(failed);

    const again = await acme.post<DeliveryBody>(`/dead-letters/${letter.id}/retry`);
    expect(again).toMatchObject({ status: 'pending', attempts: 0, max_attempts: 2, event_id: failed.event_id });
    await acme.waitForStatus(again.id, 'dead_letter');
    expect(await acme.get(`/dead-letters/${letter.id}`)).toMatchObject({ resolved_at: null, attempts: 4 });
    expect(await acme.list('/dead-letters')).toHaveLength(1);

    await acme.patch(`/endpoints/${failed.endpoint_id}`, { url: `${receiver.url}/ok?letter=${letter.id}` });
    const fresh = await acme.post<DeliveryBody>(`/dead-letters/${letter.id}/retry`);
    expect(await acme.waitForStatus(fresh.id, 'succeeded')).toMatchObject({ attempts: 1 });
    expect(await acme.get(`/dead-letters/${letter.id}`)).toMatchObject({ resolution: 'retried' });
    const received = receiver.received.filter(({ path }) => path.endsWith(letter.id));
    expect(received.map(({ webhookId }) => webhookId)).toEqual([failed.event_id]);
    expect(await acme.call('POST', `/dead-letters/${letter.id}/retry`)).toMatchObject({ status: 409 });
  });

  it('lets a person resolve a dead letter once', async () => {
    const acme = await startTenant();
    const letter = await acme.deadLetterOf(await deliver(acme, `${receiver.url}/fail`, ONCE));
    expect(await acme.post(`/dead-letters/${letter.id}/resolve`)).toMatchObject({
      resolution: 'resolved',
      resolved_at: expect.any(String) as string,
    });
    expect(await acme.call('POST', `/dead-letters/${letter.id}/resolve`)).toMatchObject({ status: 409 });
    expect(await acme.list<DeadLetterBody>('/dead-letters?resolved=false')).toEqual([]);
    expect(await acme.list<DeadLetterBody>('/dead-letters?resolved=true')).toHaveLength(1);
  });

  it('makes one more attempt of a delivery that succeeded', async () => {
    const acme = await startTenant();
    const delivery = await deliver(acme, `${receiver.url}/ok?again=${acme.id}`);
    await acme.post(`/deliveries/${delivery.id}/retry`);
    const again = await acme.waitForDelivery(delivery.id, ({ attempts }) => attempts === 2, {
      what: 'attempted again',
    });
    expect(again).toMatchObject({ status: 'succeeded' });
    expect(receiver.received.filter(({ path }) => path.endsWith(acme.id)).map(({ attempt }) => attempt)).toEqual([
      1, 2,
    ]);
  });

  it('makes one more attempt of a dead-lettered delivery, whose letter resolves when that succeeds', async () => {
    const acme = await startTenant();
    const failed = await deliver(acme, `${receiver.url}/fail`, AT_ONCE);
    const letter = await acme.deadLetterOf(failed);

    await acme.post(`/deliveries/${failed.id}/retry`);
    const still = await acme.waitForDelivery(failed.id, ({ attempts }) => attempts === 4, { what: 'attempted again' });
    expect(still.status).toBe('dead_letter');
    expect(await acme.list('/dead-letters')).toHaveLength(1);

    await acme.patch(`/endpoints/${failed.endpoint_id}`, { url: `${receiver.url}/ok` });
    await acme.post(`/deliveries/${failed.id}/retry`);
    expect(await acme.waitForStatus(failed.id, 'succeeded')).toMatchObject({ attempts: 5 });
    expect(await acme.get(`/dead-letters/${letter.id}`)).toMatchObject({ resolution: 'retried' });
  });

  it('attempts a waiting delivery at once when told to, and leaves a cancelled one alone', async () => {
    const acme = await startTenant();
    const endpoint = await acme.createEndpoint(`${receiver.url}/flaky?now=${acme.id}`, { retry_policy: HOURS_APART });
    const event = await acme.publish();
    const { id } = await acme.onlyDeliveryOf(event.id);
    const made = (count: number): Promise<DeliveryBody> =>
      acme.waitForDelivery(id, ({ attempts }) => attempts === count, { what: `attempted ${count} times` });
    await made(1);
    await acme.post(`/deliveries/${id}/retry`);
    expect(await made(2)).toMatchObject({ status: 'pending', held_by: null });

    expect(await acme.post(`/deliveries/${id}/cancel`)).toMatchObject({ status: 'cancelled', next_attempt_at: null });
    expect(await acme.call('POST', `/deliveries/${id}/cancel`)).toMatchObject({ status: 409 });
    expect(await acme.call('POST', `/deliveries/${id}/retry`)).toMatchObject({ status: 409 });
    // What comes after it has arrived, and nothing more of it has.
    const next = await acme.publish({ endpoint_ids: [endpoint.id] });
    const { id: nextId } = await acme.onlyDeliveryOf(next.id);
    await acme.waitForDelivery(nextId, ({ attempts }) => attempts === 1, { what: 'attempted' });
    expect(receiver.received.filter(({ webhookId }) => webhookId === event.id)).toHaveLength(2);
    expect(await acme.delivery(id)).toMatchObject({ status: 'cancelled', attempts: 2 });
  });
});

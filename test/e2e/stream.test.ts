import type { TenantClient } from '../support/api-client.js';
import { describeBackends } from '../support/backends.js';
import { EventReader } from '../support/event-reader.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

/** A worker has heard of a reader once one of a series of events is told of. */
async function untilHeard(tenant: TenantClient, reader: EventReader): Promise<void> {
  await waitFor(
    async () => {
      await tenant.publish();
      return reader.attempts.length > 0;
    },
    { what: 'the workers to hear of the reader' },
  );
}

describeBackends('the stream of attempts', (backend) => {
  const installation = useInstallation({ backend, apis: 2, workers: 2 });
  const readers: EventReader[] = [];
  const newTenant = async (): Promise<TenantClient> => {
    const tenant = await installation.posthaste.operator.createTenant();
    await tenant.createEndpoint(installation.hooks.url('/ok'), { event_types: ['order.*'] });
    return tenant;
  };
  const open = async (key: string, api = 0, headers: Record<string, string> = {}): Promise<EventReader> => {
    const url = installation.posthaste.apis[api]?.url ?? '';
    const reader = await EventReader.open(url, key, headers);
    readers.push(reader);
    return reader;
  };
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.close();
  });

  it('tells every attempt with what became of its delivery, at each API, whichever worker made it', async () => {
    installation.hooks.respond('/broken', () => ({ status: 500, body: '<script>' }));
    const tenant = await newTenant();
    await tenant.createEndpoint(installation.hooks.url('/broken'), {
      event_types: ['invoice.*'],
      retry_policy: { max_attempts: 2, schedule_seconds: [0, 0] },
    });
    const [first, second] = [await open(tenant.key, 0), await open(tenant.key, 1)];
    await untilHeard(tenant, first);
    const { id } = await tenant.publish({ event_type: 'invoice.paid' });
    const delivery = (await tenant.settled(id)).find(({ status }) => status === 'dead_letter');
    for (const reader of [first, second]) {
      await reader.waitForAttempt(({ delivery_id, attempt }) => delivery_id === delivery?.id && attempt === 2);
      const told = reader.attempts.filter(({ delivery_id }) => delivery_id === delivery?.id);
      const common = {
        delivery_id: delivery?.id,
        event_type: 'invoice.paid',
        endpoint_id: delivery?.endpoint_id,
        outcome: 'failed',
        status_code: 500,
        error: expect.stringContaining('500') as string,
        duration_ms: expect.any(Number) as number,
        at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/) as string,
      };
      expect(told).toEqual([
        expect.objectContaining({ ...common, attempt: 1, delivery_status: 'pending' }),
        expect.objectContaining({ ...common, attempt: 2, delivery_status: 'dead_letter' }),
      ]);
      const recorded = await tenant.attemptsOf(delivery?.id ?? '');
      expect(told.map((attempt) => attempt.id)).toEqual(recorded.map((attempt) => attempt.id));
    }
  });

  it("never tells another tenant's", async () => {
    const [mine, theirs] = [await newTenant(), await newTenant()];
    const [reader, other] = [await open(mine.key), await open(theirs.key)];
    await untilHeard(mine, reader);
    await untilHeard(theirs, other);
    const { id } = await mine.publish();
    await reader.waitForAttempt(({ event_id }) => event_id === id);
    const own = new Set((await mine.list<{ id: string }>('/events')).map((event) => event.id));
    expect(other.attempts.filter(({ event_id }) => own.has(event_id))).toEqual([]);
    expect(reader.attempts.filter(({ event_id }) => !own.has(event_id))).toEqual([]);
  });

  it('is told by its headers not to be kept or gathered, and by nobody to be run', async () => {
    const tenant = await newTenant();
    const { incoming, status } = await open(tenant.key);
    expect(status).toBe(200);
    expect(incoming.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'") as string,
      'x-request-id': expect.any(String) as string,
    });
  });

  it('goes on after the last attempt that a reader has seen, and says so when it is not known any more', async () => {
    const tenant = await newTenant();
    const reader = await open(tenant.key);
    await untilHeard(tenant, reader);
    reader.close();
    const seen = reader.attempts.at(-1)?.id ?? '';
    const { id } = await tenant.publish();
    await tenant.settled(id);
    const back = await open(tenant.key, 0, { 'last-event-id': seen });
    await back.waitForAttempt(({ event_id }) => event_id === id);
    expect(back.attempts.filter((attempt) => attempt.id === seen)).toEqual([]);
    expect(back.events('gap')).toEqual([]);

    const elsewhere = await open(tenant.key, 1, { 'last-event-id': seen });
    await waitFor(() => elsewhere.events('gap').length === 1, { what: 'the gap to be told' });
  });

  it('ends when its key is revoked', async () => {
    const tenant = await newTenant();
    const { id, key } = await tenant.post<{ id: string; key: string }>('/api-keys', {
      name: 'reader',
      scopes: ['deliveries:read'],
    });
    const [doomed, other] = [await open(key, 1), await open(tenant.key, 1)];
    await tenant.delete(`/api-keys/${id}`);
    await waitFor(() => doomed.ended, { what: 'the stream to end' });
    expect(doomed.events('end')).toEqual([{ reason: 'The session or key has ended.' }]);
    expect(other.ended).toBe(false);
  });

  it('is one of a bounded number of each tenant, and its place is free again once it is closed', async () => {
    const [tenant, neighbour] = [await newTenant(), await newTenant()];
    const open20 = await Promise.all(Array.from({ length: 20 }, () => open(tenant.key)));
    expect(open20.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const refused = await open(tenant.key);
    expect([refused.status, refused.incoming.headers['retry-after']]).toEqual([429, '10']);
    expect((await open(neighbour.key)).status).toBe(200);
    open20[0]?.close();
    await waitFor(async () => (await open(tenant.key)).status === 200, { what: 'a place to be free' });
  });

  it('is open to the operator for a tenant, and to a portal link', async () => {
    const { operator, adminKey } = installation.posthaste;
    const tenant = await newTenant();
    const { url } = await operator.post<{ url: string }>(`/tenants/${tenant.id}/portal-links`, {});
    const token = new URL(url).hash.replace('#portal=', '');
    const person = await open('', 0, { 'x-api-key': '', authorization: `Bearer ${token}` });
    const standIn = await open(adminKey, 0, { 'x-tenant-id': tenant.id });
    await untilHeard(tenant, person);
    await waitFor(() => standIn.attempts.length > 0, { what: 'the operator to be told' });
  });

  it('says how many it leaves out when there are more than anybody can read', async () => {
    const tenant = await newTenant();
    await installation.posthaste.operator.patch(`/tenants/${tenant.id}`, { rate_limit: null });
    const reader = await open(tenant.key);
    await untilHeard(tenant, reader);
    const before = reader.attempts.length;
    const events = Array.from({ length: 1_000 }, () => ({ event_type: 'order.created', payload: {} }));
    await tenant.post('/events/batch', { events });
    const skipped = (): number =>
      reader.events<{ skipped: number }>('sample').reduce((sum, sample) => sum + sample.skipped, 0);
    await waitFor(() => reader.attempts.length - before + skipped() >= 1_000, {
      what: 'all to be told or counted',
    });
    expect(skipped()).toBeGreaterThan(0);
  });

  it('ends in order when its process stops, whose stop it does not hold up', async () => {
    const { posthaste } = installation;
    const api = await posthaste.startApi();
    const tenant = await newTenant();
    const reader = await EventReader.open(api.url, tenant.key);
    expect(await api.stop()).toEqual({ code: 0, signal: null });
    await waitFor(() => reader.ended, { what: 'the stream to end' });
    expect(reader.events('end')).toEqual([{ reason: 'This process is stopping.' }]);
  });

  it('comes back by itself after PostgreSQL ended its connections', async () => {
    const { posthaste } = installation;
    const tenant = await newTenant();
    const reader = await open(tenant.key);
    await untilHeard(tenant, reader);
    await posthaste.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'posthaste-notifications' AND datname = current_database()`,
    );
    await waitFor(() => reader.events('gap').length === 1, { what: 'the gap to be told' });
    const before = reader.attempts.length;
    await waitFor(
      async () => {
        await tenant.publish();
        return reader.attempts.length > before;
      },
      { what: 'attempts to be told again' },
    );
  });
});

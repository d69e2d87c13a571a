import type { DeliveryBody, TenantClient } from '../support/api-client.js';
import { describeBackends } from '../support/backends.js';
import { gate } from '../support/hook-server.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

const SOON = { max_attempts: 3, schedule_seconds: [0, 0.3], jitter: 0 };

describeBackends('holding deliveries back', (backend) => {
  const installation = useInstallation({ backend });

  const heldBy = (acme: TenantClient, id: string, reason: string): Promise<DeliveryBody> =>
    acme.waitForDelivery(id, (delivery) => delivery.held_by === reason, { what: `held by ${reason}` });
  /** A delivery whose first attempt has failed, at an endpoint that answers 200 from then on. */
  const startFailing = async (path: string): Promise<{ acme: TenantClient; delivery: DeliveryBody }> => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    hooks.respond(path, (_hook, nth) => ({ status: nth === 1 ? 500 : 200 }));
    const retry_policy = { max_attempts: 3, schedule_seconds: [0, 1], jitter: 0 };
    await acme.createEndpoint(hooks.url(path), { retry_policy });
    const { id } = await acme.onlyDeliveryOf((await acme.publish()).id);
    const delivery = await acme.waitForDelivery(id, ({ attempts }) => attempts === 1, { what: 'attempted' });
    expect(delivery.status).toBe('pending');
    return { acme, delivery };
  };

  it('disables an endpoint that answers 410 and makes dead letters of all that waits for it', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    hooks.respond('/gone', (_hook, nth) => ({ status: nth <= 2 ? 500 : 410 }));
    const endpoint = await acme.createEndpoint(hooks.url('/gone'), {
      retry_policy: { max_attempts: 3, schedule_seconds: [0, 2], jitter: 0 },
    });
    const waiting = [await acme.publish(), await acme.publish()];
    await hooks.waitForRequests('/gone', 2);
    const last = await acme.publish();
    const deliveries = (await Promise.all([...waiting, last].map(({ id }) => acme.settled(id)))).flat();

    expect(deliveries.map(({ status, attempts }) => [status, attempts])).toEqual(Array(3).fill(['dead_letter', 1]));
    const letters = await acme.list<{ reason: string }>('/dead-letters');
    expect(letters.map(({ reason }) => reason)).toEqual(['gone', 'gone', 'gone']);
    expect(hooks.at('/gone')).toHaveLength(3);
    expect(await acme.get(`/endpoints/${endpoint.id}`)).toMatchObject({ is_active: false, disabled_reason: 'gone' });
    expect((await acme.publish()).deliveries).toBe(0);
  });

  it('holds what waits for an endpoint that a person disabled, until it is enabled', async () => {
    const { hooks } = installation;
    const { acme, delivery } = await startFailing('/disabled');
    await acme.patch(`/endpoints/${delivery.endpoint_id}`, { is_active: false });
    expect(await heldBy(acme, delivery.id, 'disabled')).toMatchObject({ status: 'pending', attempts: 1 });
    expect(await acme.call('POST', `/deliveries/${delivery.id}/retry`)).toMatchObject({ status: 409 });
    expect(hooks.at('/disabled')).toHaveLength(1);

    await acme.patch(`/endpoints/${delivery.endpoint_id}`, { is_active: true });
    expect(await acme.waitForStatus(delivery.id, 'succeeded')).toMatchObject({ attempts: 2, held_by: null });
  });

  it('holds the delivery of an event that names an inactive endpoint', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const endpoint = await acme.createEndpoint(hooks.url('/named'), { is_active: false, event_types: ['other.type'] });
    const event = await acme.publish({ endpoint_ids: [endpoint.id] });
    expect(event.deliveries).toBe(1);
    const delivery = await acme.onlyDeliveryOf(event.id);
    expect(delivery).toMatchObject({ status: 'pending', held_by: 'disabled', attempts: 0 });

    await acme.patch(`/endpoints/${endpoint.id}`, { is_active: true });
    await acme.waitForStatus(delivery.id, 'succeeded');
    expect(hooks.at('/named')).toHaveLength(1);
  });

  it('cancels what waits for an endpoint that is deleted', async () => {
    const { acme, delivery } = await startFailing('/deleted');
    await acme.delete(`/endpoints/${delivery.endpoint_id}`);
    expect(await acme.waitForStatus(delivery.id, 'cancelled')).toMatchObject({
      last_error: 'endpoint_deleted',
      attempts: 1,
    });
    expect(await acme.call('POST', `/deliveries/${delivery.id}/retry`)).toMatchObject({ status: 409 });
  });

  it('cancels a delivery whose endpoint is deleted during a failing attempt', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const { opened, open } = gate();
    hooks.respond('/deleted-in-flight', () => opened.then(() => ({ status: 500 })));
    const endpoint = await acme.createEndpoint(hooks.url('/deleted-in-flight'), { retry_policy: SOON });
    const event = await acme.publish();
    await hooks.waitForRequests('/deleted-in-flight', 1);
    await acme.delete(`/endpoints/${endpoint.id}`);
    open();
    const [delivery] = await acme.settled(event.id);
    expect(delivery).toMatchObject({ status: 'cancelled', attempts: 1 });
    expect(hooks.at('/deleted-in-flight')).toHaveLength(1);
  });

  it('voids the outcome of an attempt whose delivery was cancelled meanwhile, but keeps the attempt', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const { opened, open } = gate();
    hooks.respond('/cancelled-in-flight', () => opened.then(() => ({ status: 500 })));
    await acme.createEndpoint(hooks.url('/cancelled-in-flight'), { retry_policy: SOON });
    const { id } = await acme.onlyDeliveryOf((await acme.publish()).id);
    await hooks.waitForRequests('/cancelled-in-flight', 1);
    await acme.post(`/deliveries/${id}/cancel`);
    open();
    await waitFor(async () => (await acme.attemptsOf(id)).length === 1, { what: 'the attempt to be recorded' });
    expect(await acme.delivery(id)).toMatchObject({ status: 'cancelled', next_attempt_at: null });
  });

  it('refuses the events of a suspended tenant and holds its deliveries until it is resumed', async () => {
    const { posthaste, hooks } = installation;
    const { acme, delivery } = await startFailing('/suspended');
    await posthaste.operator.patch(`/tenants/${acme.id}`, { status: 'suspended' });
    expect(await acme.call('POST', '/events', { body: { event_type: 'order.created', payload: {} } })).toMatchObject({
      status: 403,
      body: { type: 'urn:posthaste:problem:tenant_suspended' },
    });
    expect(await heldBy(acme, delivery.id, 'suspended')).toMatchObject({ status: 'pending', attempts: 1 });
    expect(hooks.at('/suspended')).toHaveLength(1);

    await posthaste.operator.patch(`/tenants/${acme.id}`, { status: 'active' });
    await acme.waitForStatus(delivery.id, 'succeeded');
    expect((await acme.publish()).deliveries).toBe(1);
  });

  it.each([
    ["an endpoint's rate_limit", '/endpoint-rate', {}, { rate_limit: 5 }],
    ["a tenant's delivery_rate_limit", '/tenant-rate', { delivery_rate_limit: 5 }, {}],
  ])('spreads attempts as %s says', async (_name, path, tenantSettings, endpointSettings) => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant(tenantSettings);
    await acme.createEndpoint(hooks.url(path), endpointSettings);
    const events = await Promise.all(Array.from({ length: 15 }, () => acme.publish()));
    const deliveries = (await Promise.all(events.map(({ id }) => acme.settled(id)))).flat();

    expect(deliveries.map(({ status, attempts }) => [status, attempts])).toEqual(Array(15).fill(['succeeded', 1]));
    const times = hooks.at(path).map(({ atMs }) => atMs);
    expect(times).toHaveLength(15);
    // Five at once, then one each 200 ms. An attempt's way from its token to the receiver may vary by some of that.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_500);
  });
});

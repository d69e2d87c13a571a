import { CircuitBreaker } from '../../src/circuit-breaker/circuit-breaker.js';
import { RECOVERY_PLACES } from '../../src/circuit-breaker/circuits-in-force.js';
import { EndpointCircuit } from '../../src/circuit-breaker/endpoint-circuit.entity.js';
import { Delivery } from '../../src/deliveries/delivery.entity.js';
import { DeliveryProcessor } from '../../src/delivery-worker/delivery-processor.js';
import { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import { EventEntity } from '../../src/events/event.entity.js';
import { EndpointSecrets } from '../../src/endpoints/endpoint-secrets.service.js';
import { generateSecret } from '../../src/signing/webhook-secret.js';
import type { Tenant } from '../../src/tenants/tenant.entity.js';
import { startReceiver, type Receiver } from '../../demo/receiver.js';
import { Core, insertEndpoint, insertTenant, rowsOf, submission } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';
import { seedDelivery, seedEvent } from '../support/seed.js';

let database: TestDatabase;
let core: Core;
let receiver: Receiver;
let tenant: Tenant;

beforeAll(async () => {
  database = await createTestDatabase();
  core = await Core.start(database.url, { config: { allowedPrivateCidrs: ['127.0.0.0/8'] } });
  receiver = await startReceiver({ port: 0, quiet: true });
});
afterAll(async () => {
  await receiver.close();
  await core.close();
  await database.drop();
});
beforeEach(async () => {
  tenant = await insertTenant(core.db);
});

const breaker = (): CircuitBreaker => core.part(CircuitBreaker);
const circuitOf = (endpoint: Endpoint): Promise<EndpointCircuit | null> =>
  core.db.getRepository(EndpointCircuit).findOneBy({ endpointId: endpoint.id });
const heldBy = async (endpoint: Endpoint): Promise<(string | null)[]> =>
  (await core.db.getRepository(Delivery).find({ where: { endpointId: endpoint.id }, order: { id: 'ASC' } })).map(
    (delivery) => delivery.heldBy,
  );

async function fail(endpoint: Endpoint, times: number, deliveryId = endpoint.id): Promise<void> {
  for (let i = 0; i < times; i++) await breaker().report({ endpointId: endpoint.id, deliveryId, succeeded: false });
}

/** Time can't be waited for in a test: what the circuit remembers is moved back instead. */
async function passTime(endpoint: Endpoint, seconds: number): Promise<void> {
  await core.db.query(
    `UPDATE endpoint_circuits SET
       next_probe_at = next_probe_at - make_interval(secs => $2), last_success_at = last_success_at - make_interval(secs => $2),
       failing_since = failing_since - make_interval(secs => $2), closed_at = closed_at - make_interval(secs => $2)
     WHERE endpoint_id = $1`,
    [endpoint.id, seconds],
  );
}

const transitionsOf = async (endpoint: Endpoint): Promise<string[]> =>
  (
    await rowsOf<{ state: string }>(
      core.db,
      `SELECT state FROM circuit_transitions WHERE endpoint_id = $1 ORDER BY id`,
      [endpoint.id],
    )
  ).map(({ state }) => state);

describe('opening', () => {
  it('opens at the fifth failure in a row, counted over all workers', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    const other = await Core.start(database.url);
    await fail(endpoint, 2);
    for (let i = 0; i < 2; i++) {
      await other.part(CircuitBreaker).report({ endpointId: endpoint.id, deliveryId: endpoint.id, succeeded: false });
    }
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'closed', consecutiveFailures: 4 });
    await fail(endpoint, 1);
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'open', consecutiveFailures: 5, openSeconds: 30 });
    expect(await transitionsOf(endpoint)).toEqual(['open']);
    await other.close();
  });

  it('loses no failure that two workers report at once', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    const other = await Core.start(database.url);
    const report = { endpointId: endpoint.id, deliveryId: endpoint.id, succeeded: false };
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? breaker() : other.part(CircuitBreaker)).report(report),
      ),
    );
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'open', consecutiveFailures: 40 });
    await other.close();
  });

  it('stays closed for an endpoint that succeeded just now, though nobody wrote that down', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    breaker().noteSuccess(endpoint.id);
    await fail(endpoint, 9);
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'closed', consecutiveFailures: 9 });
  });

  it('survives a report on an endpoint that was deleted', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    await core.db.getRepository(Endpoint).delete({ id: endpoint.id });
    await fail(endpoint, 5);
    expect(await circuitOf(endpoint)).toBeNull();
  });
});

describe('probing', () => {
  it('lets exactly one of many that try at once be the probe, and only when it is due', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    await fail(endpoint, 5);
    expect(await breaker().claimProbe(endpoint.id, endpoint.id, 60_000)).toBe(false);
    await passTime(endpoint, 30);
    const claims = await Promise.all(
      Array.from({ length: 20 }, () => breaker().claimProbe(endpoint.id, endpoint.id, 60_000)),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'half_open', probeDeliveryId: endpoint.id });
  });

  it('gives the probe to another when its worker is gone', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    await fail(endpoint, 5);
    await passTime(endpoint, 30);
    expect(await breaker().claimProbe(endpoint.id, tenant.id, 60_000)).toBe(true);
    await passTime(endpoint, 61);
    expect(await breaker().claimProbe(endpoint.id, endpoint.id, 60_000)).toBe(true);
  });

  it('opens for twice as long when it fails and closes when it succeeds', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    await fail(endpoint, 5);
    await passTime(endpoint, 30);
    await breaker().claimProbe(endpoint.id, endpoint.id, 60_000);
    await fail(endpoint, 1, endpoint.id);
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'open', openSeconds: 60 });
    await passTime(endpoint, 60);
    await breaker().claimProbe(endpoint.id, endpoint.id, 60_000);
    await breaker().report({ endpointId: endpoint.id, deliveryId: endpoint.id, succeeded: true });
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'closed', consecutiveFailures: 0, openSeconds: 0 });
    expect(await transitionsOf(endpoint)).toEqual(['open', 'half_open', 'open', 'half_open', 'closed']);
  });
});

describe('deliveries of an endpoint with an open circuit', () => {
  it('wait in PostgreSQL: neither a new event nor a retry that is due goes to the queue', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    await fail(endpoint, 5);
    await seedDelivery(core.db, await seedEvent(core.db, tenant.id), endpoint.id, { attempts: 1 });
    await core.ingestor.submit(submission(tenant.id));
    core.feeder.onApplicationBootstrap();
    await waitFor(async () => (await heldBy(endpoint)).every((reason) => reason === 'circuit'), { what: 'both held' });
    await core.feeder.onModuleDestroy();
    const leases = await rowsOf<{ lease_no: number }>(
      core.db,
      `SELECT lease_no FROM deliveries WHERE endpoint_id = $1`,
      [endpoint.id],
    );
    expect(leases).toEqual([{ lease_no: 0 }, { lease_no: 0 }]);
  });
});

describe('from failure to recovery, with a worker and a receiver', () => {
  let worker: Core;

  beforeEach(async () => {
    worker = await Core.start(database.url, {
      config: { allowedPrivateCidrs: ['127.0.0.0/8'], encryptionKey: core.config.encryptionKey },
    });
    const processor = worker.part(DeliveryProcessor);
    worker.consume((job) => processor.process(job), 50);
    worker.feeder.onApplicationBootstrap();
  });
  afterEach(async () => {
    await worker.feeder.onModuleDestroy();
    await worker.close();
  });

  async function endpointAt(path: string, eventTypes: string[] = []): Promise<Endpoint> {
    const endpoint = await insertEndpoint(core.db, tenant.id, {
      url: `${receiver.url}${path}`,
      eventTypes,
      retryPolicy: { max_attempts: 50, schedule_seconds: [0, 1] },
    });
    const sealed = core.part(EndpointSecrets).sealSecret(endpoint.id, generateSecret('standard'));
    await core.db.getRepository(Endpoint).update({ id: endpoint.id }, { secretSealed: sealed });
    return endpoint;
  }

  const requestsTo = (path: string): number => receiver.received.filter((request) => request.path === path).length;
  const statusesOf = async (endpoint: Endpoint): Promise<string[]> =>
    (await core.db.getRepository(Delivery).findBy({ endpointId: endpoint.id })).map(({ status }) => status);

  it('spends few requests on an endpoint that is down, loses nothing, and tells the tenant of both', async () => {
    const told = await endpointAt('/ok', ['posthaste.*']);
    const endpoint = await endpointAt('/status/503');
    for (let i = 0; i < 60; i++) await core.ingestor.submit(submission(tenant.id));
    await waitFor(async () => (await heldBy(endpoint)).filter((reason) => reason === 'circuit').length === 60, {
      what: 'all to be held by the circuit',
    });
    const spent = requestsTo('/status/503');
    expect(spent).toBeLessThanOrEqual(60);

    await core.db.getRepository(Endpoint).update({ id: endpoint.id }, { url: `${receiver.url}/status/204` });
    await passTime(endpoint, 30);
    await waitFor(async () => (await statusesOf(endpoint)).every((status) => status === 'succeeded'), {
      what: 'all 60 to arrive',
    });
    expect(requestsTo('/status/503')).toBe(spent);
    expect(requestsTo('/status/204')).toBe(60);
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'closed' });

    await waitFor(async () => (await statusesOf(told)).filter((status) => status === 'succeeded').length === 2, {
      what: 'the tenant to be told',
    });
    const events = await core.db.getRepository(EventEntity).find({
      where: { tenantId: tenant.id, source: 'posthaste' },
      order: { id: 'ASC' },
    });
    expect(events.map(({ eventType }) => eventType)).toEqual([
      'posthaste.endpoint.circuit_opened',
      'posthaste.endpoint.recovered',
    ]);
    expect(JSON.parse(events[0]?.payload ?? '')).toMatchObject({ endpoint_id: endpoint.id });
  });

  it('lets no more than a few at a time go to an endpoint that has just come back', async () => {
    const endpoint = await endpointAt('/slow');
    await fail(endpoint, 5);
    for (let i = 0; i < 30; i++) await core.ingestor.submit(submission(tenant.id));
    await core.db.query(
      `UPDATE endpoint_circuits SET state = 'closed', closed_at = now(), next_probe_at = NULL WHERE endpoint_id = $1`,
      [endpoint.id],
    );
    const leased = async (): Promise<number> =>
      core.db
        .getRepository(Delivery)
        .createQueryBuilder('d')
        .where('d.endpointId = :id AND d.leasedUntil IS NOT NULL', { id: endpoint.id })
        .getCount();
    await waitFor(async () => (await leased()) > 0, { what: 'the first to be let go' });
    let most = 0;
    await waitFor(
      async () => {
        most = Math.max(most, await leased());
        return (await statusesOf(endpoint)).filter((status) => status === 'succeeded').length >= 15;
      },
      { what: 'half of them to arrive' },
    );
    expect(most).toBeLessThanOrEqual(RECOVERY_PLACES);
  });
});

describe('giving an endpoint up', () => {
  it('disables it after five days of failures only, and tells the tenant why', async () => {
    const endpoint = await insertEndpoint(core.db, tenant.id);
    await insertEndpoint(core.db, tenant.id, { eventTypes: ['posthaste.endpoint.disabled'] });
    await fail(endpoint, 5);
    await passTime(endpoint, 5 * 24 * 3_600 - 60);
    await fail(endpoint, 1);
    const read = (): Promise<Endpoint> => core.db.getRepository(Endpoint).findOneByOrFail({ id: endpoint.id });
    expect(await read()).toMatchObject({ isActive: true });
    await passTime(endpoint, 60);
    await fail(endpoint, 1);
    expect(await read()).toMatchObject({ isActive: false, disabledReason: 'failing' });
    expect(await circuitOf(endpoint)).toMatchObject({ state: 'closed' });
    const events = await core.db.getRepository(EventEntity).findBy({ tenantId: tenant.id, source: 'posthaste' });
    expect(events.map(({ eventType, payload }) => [eventType, JSON.parse(payload) as unknown])).toEqual([
      ['posthaste.endpoint.disabled', { endpoint_id: endpoint.id, reason: 'failing' }],
    ]);
    const audited = `SELECT tenant_id, actor_kind, action, changes FROM audit_log WHERE subject_id = $1`;
    expect(await rowsOf(core.db, audited, [endpoint.id])).toEqual([
      {
        tenant_id: tenant.id,
        actor_kind: 'system',
        action: 'endpoint.disabled',
        changes: [{ field: 'disabled_reason', new: 'failing' }],
      },
    ]);
  });
});

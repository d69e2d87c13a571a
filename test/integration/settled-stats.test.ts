import { Delivery } from '../../src/deliveries/delivery.entity.js';
import { AttemptMetrics } from '../../src/delivery-worker/attempt-metrics.js';
import { loadDeliveries } from '../../src/delivery-worker/load.query.js';
import type { Outcome } from '../../src/delivery-worker/outcome.js';
import { EventsService } from '../../src/events/events.service.js';
import { Rollup } from '../../src/stats/rollup.service.js';
import type { ApiApp } from '../support/api-app.js';
import { Core } from '../support/core.js';
import { databaseUrlOf, HOUR_MS, startStatsApi, StatsTenant } from '../support/stats-api.js';
import { attempt, DEAD, jobOf, report, succeeded } from '../support/worker-harness.js';

let api: ApiApp;
/** A worker, and an API that takes events; nothing of it runs by itself. */
let core: Core;
let acme: StatsTenant;
beforeAll(async () => {
  api = await startStatsApi();
  core = await Core.start(databaseUrlOf(api), { config: { maxDeliveryAgeHours: 24, retentionDays: 10 } });
});
beforeEach(async () => {
  acme = await StatsTenant.create(api);
});
afterAll(async () => {
  await core.close();
  await api.close();
});

async function publish(): Promise<Delivery[]> {
  const body = Buffer.from('{"event_type": "order.created", "payload": {}}');
  const headers = { idempotencyKey: undefined, traceparent: undefined, signature: undefined, requestId: 'r' };
  const tenant = { id: acme.id, status: 'active', rateLimit: null, requireSignedPublish: false } as const;
  const { id } = await core.part(EventsService).publish(tenant, body, headers, () => undefined);
  // As if the queue had been full: what is in it is its worker's to settle.
  await api.db.query(`UPDATE deliveries SET leased_until = NULL, next_attempt_at = now() WHERE event_id = $1`, [id]);
  return api.db.getRepository(Delivery).find({ where: { eventId: id }, order: { id: 'ASC' } });
}

async function settle({ id }: Delivery, outcome: Outcome): Promise<void> {
  await api.db.query(
    `UPDATE deliveries SET leased_until = now() + interval '1 minute', lease_no = lease_no + 1, next_attempt_at = NULL
     WHERE id = $1`,
    [id],
  );
  const delivery = await api.db.getRepository(Delivery).findOneByOrFail({ id });
  const loaded = (await loadDeliveries(core.db, [jobOf(delivery, delivery.leaseNo)])).get(id);
  if (loaded === undefined) throw new Error('The delivery is not pending');
  const made = report(loaded, outcome, outcome.kind === 'succeeded' ? succeeded() : attempt());
  core.part(AttemptMetrics).count(made, await core.store.record(made));
}

const at = (deliveries: Delivery[], endpointId: string): Delivery => {
  const found = deliveries.find((delivery) => delivery.endpointId === endpointId);
  if (found === undefined) throw new Error('No such delivery');
  return found;
};

async function deliveryStats(): Promise<Record<string, number>> {
  await core.part(Rollup).flush();
  await api.app.get(Rollup).flush();
  return { ...(await acme.stats('24h')).deliveries };
}

describe('what is settled without an attempt', () => {
  it('is in the statistics, which add up to what was published', async () => {
    const [deleted, handled, worked] = [acme.endpointId, await acme.newEndpoint(), await acme.newEndpoint()];
    await acme.newEndpoint();
    const [first, second] = [await publish(), await publish()];
    expect(first.length + second.length).toBe(8);
    expect(await deliveryStats()).toEqual({ pending: 8, succeeded: 0, dead_letter: 0, cancelled: 0 });

    await settle(at(first, worked), { kind: 'succeeded' });
    await settle(at(second, worked), DEAD);
    expect((await acme.tenant.call('DELETE', `/endpoints/${deleted}`)).status).toBe(204);
    expect((await acme.tenant.call('POST', `/deliveries/${at(first, handled).id}/cancel`)).status).toBe(200);
    expect(await deliveryStats()).toEqual({ pending: 3, succeeded: 1, dead_letter: 1, cancelled: 3 });

    await core.maintenance.expireOldDeliveries(Date.now() + 25 * HOUR_MS);
    expect(await deliveryStats()).toEqual({ pending: 0, succeeded: 1, dead_letter: 4, cancelled: 3 });
  });

  it('is there too when its partition is about to be dropped', async () => {
    await publish();
    await core.maintenance.upkeep(Date.now() + 12 * 24 * HOUR_MS);
    expect(await deliveryStats()).toMatchObject({ pending: 0, dead_letter: 1 });
  });

  it('counts once, however often a person asks for more', async () => {
    const [delivery] = (await publish()) as [Delivery];
    await settle(delivery, { kind: 'succeeded' });
    expect((await acme.tenant.call('POST', `/deliveries/${delivery.id}/retry`)).status).toBe(202);
    expect((await acme.tenant.call('POST', `/deliveries/${delivery.id}/cancel`)).status).toBe(200);
    expect(await deliveryStats()).toEqual({ pending: 0, succeeded: 1, dead_letter: 0, cancelled: 0 });
    expect((await acme.tenant.call('POST', `/deliveries/${delivery.id}/cancel`)).status).toBe(409);
    expect((await acme.tenant.call('POST', `/deliveries/${delivery.id}/retry`)).status).toBe(202);
    await core.maintenance.expireOldDeliveries(Date.now() + 25 * HOUR_MS);
    await acme.tenant.call('DELETE', `/endpoints/${acme.endpointId}`);
    expect(await deliveryStats()).toMatchObject({ succeeded: 1, dead_letter: 0, cancelled: 0 });
  });
});

import { Delivery } from '../../src/deliveries/delivery.entity.js';
import { loadDeliveries } from '../../src/delivery-worker/load.query.js';
import type { Outcome } from '../../src/delivery-worker/outcome.js';
import type { Report } from '../../src/delivery-worker/record.query.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import { ApiApp, type TestTenant } from '../support/api-app.js';
import { Core } from '../support/core.js';
import { seedDelivery, seedEvent } from '../support/seed.js';
import { attempt, DEAD, jobOf, report, succeeded } from '../support/worker-harness.js';

interface LetterBody {
  id: string;
  delivery_id: string;
  endpoint_id: string;
  attempts: number;
  reason: string;
  resolution: string | null;
}

const SUCCEEDED: Outcome = { kind: 'succeeded' };
const RESTORED: Outcome = { kind: 'restored', status: 'dead_letter', disableEndpoint: false };
const HOUR_MS = 3_600_000;

let api: ApiApp;
let worker: Core;
let tenant: TestTenant;
let endpointId: string;
let event: EventEntity;
let first: Delivery;
beforeAll(async () => {
  api = await ApiApp.start();
  worker = await Core.start((api.db.options as { url: string }).url);
});
beforeEach(async () => {
  tenant = await api.createTenant();
  endpointId = await newEndpoint();
  event = await seedEvent(api.db, tenant.id);
  first = await seedDelivery(api.db, event, endpointId);
});
afterAll(async () => {
  await worker.close();
  await api.close();
});

const newEndpoint = async (): Promise<string> =>
  (await tenant.call<{ id: string }>('POST', '/endpoints', { url: 'https://hooks.example.com/' })).body.id;

/** A pending delivery as a worker takes it from the queue, and the report of the one attempt that it makes. */
async function attempted({ id }: { id: string }, outcome: Outcome): Promise<Report> {
  await api.db.query(
    `UPDATE deliveries SET leased_until = now() + interval '1 minute', lease_no = lease_no + 1, next_attempt_at = NULL
     WHERE id = $1 AND status = 'pending'`,
    [id],
  );
  const delivery = await api.db.getRepository(Delivery).findOneByOrFail({ id });
  const loaded = (await loadDeliveries(worker.db, [jobOf(delivery, delivery.leaseNo)])).get(id);
  if (loaded === undefined) throw new Error('The delivery is not pending');
  const made = outcome.kind === 'succeeded' ? succeeded() : attempt();
  return report(loaded, outcome, made);
}

async function settle(delivery: { id: string }, outcome: Outcome): Promise<Report> {
  const made = await attempted(delivery, outcome);
  if (!(await worker.store.record(made))) throw new Error('The lease was lost');
  return made;
}

const letters = async (query = ''): Promise<LetterBody[]> =>
  (await tenant.call<{ data: LetterBody[] }>('GET', `/dead-letters?${query}`)).body.data;
const onlyLetter = async (): Promise<LetterBody> => {
  const [letter, ...others] = await letters();
  if (letter === undefined || others.length > 0) throw new Error(`${others.length + 1} letters, or none`);
  return letter;
};
const retryLetter = async (): Promise<{ id: string }> => {
  const answer = await tenant.call<{ id: string }>('POST', `/dead-letters/${(await onlyLetter()).id}/retry`);
  expect(answer.status).toBe(202);
  return answer.body;
};
const retryDelivery = async ({ id }: { id: string }): Promise<void> => {
  expect((await tenant.call('POST', `/deliveries/${id}/retry`)).status).toBe(202);
};
const replayEvent = async (): Promise<{ id: string }> => {
  const answer = await tenant.call<{ deliveries: { id: string }[] }>('POST', `/events/${event.id}/replay`, {
    endpoint_ids: [endpointId],
  });
  return answer.body.deliveries[0] as { id: string };
};

describe('a dead letter whose retry died as well', () => {
  let second: { id: string };
  beforeEach(async () => {
    await settle(first, DEAD);
    second = await retryLetter();
    await settle(second, DEAD);
  });

  it('stays one letter, of both deliveries', async () => {
    expect(await onlyLetter()).toMatchObject({ delivery_id: second.id, attempts: 2, resolution: null });
  });

  it.each(['first', 'second'] as const)('is resolved when its %s delivery succeeds by hand', async (which) => {
    const delivery = which === 'first' ? first : second;
    await retryDelivery(delivery);
    await settle(delivery, SUCCEEDED);
    expect(await onlyLetter()).toMatchObject({ resolution: 'retried' });
  });

  it('stays open when an attempt by hand fails, and another delivery may resolve it', async () => {
    await retryDelivery(first);
    await settle(first, RESTORED);
    expect(await onlyLetter()).toMatchObject({ resolution: null });
    await settle(await retryLetter(), SUCCEEDED);
    expect(await onlyLetter()).toMatchObject({ resolution: 'retried' });
  });

  it('feeds an attempt of its first delivery when the event is gone', async () => {
    await api.db.query('DELETE FROM events WHERE id = $1', [event.id]);
    await retryDelivery(first);
    expect((await settle(first, SUCCEEDED)).delivery.payload).toBe(event.payload);
    expect(await onlyLetter()).toMatchObject({ resolution: 'retried' });
    const attempts = await tenant.call<{ data: { request: { body: string | null } }[] }>(
      'GET',
      `/deliveries/${first.id}/attempts`,
    );
    expect(attempts.body.data[0]?.request.body).toContain(event.payload);
  });

  it('is not retried while any of its deliveries is', async () => {
    await retryDelivery(first);
    const [letter] = await letters();
    expect((await tenant.call('POST', `/dead-letters/${letter?.id}/retry`)).status).toBe(409);
  });
});

describe('a replay of an event that has a dead letter', () => {
  let replayed: { id: string };
  beforeEach(async () => {
    await settle(first, DEAD);
    replayed = await replayEvent();
  });

  it('resolves it by succeeding', async () => {
    await settle(replayed, SUCCEEDED);
    expect(await onlyLetter()).toMatchObject({ resolution: 'retried' });
  });

  it('adds to it by dying', async () => {
    await settle(replayed, { ...DEAD, reason: 'gone' } as Outcome);
    expect(await onlyLetter()).toMatchObject({ delivery_id: replayed.id, reason: 'gone', attempts: 2 });
  });

  it('adds to it by growing too old', async () => {
    await worker.maintenance.expireOldDeliveries(Date.now() + worker.config.maxDeliveryAgeHours * HOUR_MS + 1_000);
    expect(await onlyLetter()).toMatchObject({ delivery_id: replayed.id, reason: 'expired' });
  });

  it('makes another once a person has resolved that one', async () => {
    await settle(replayed, SUCCEEDED);
    await settle(await replayEvent(), DEAD);
    expect((await letters()).map(({ resolution }) => resolution)).toEqual([null, 'retried']);
  });
});

describe('several deliveries of an event that are pending at once', () => {
  let replayed: { id: string };
  beforeEach(async () => {
    replayed = await replayEvent();
  });

  it('have one dead letter when all die', async () => {
    await settle(first, DEAD);
    await settle(replayed, DEAD);
    expect(await onlyLetter()).toMatchObject({ delivery_id: replayed.id, attempts: 2 });
  });

  it('have one when all die in the same batch', async () => {
    const dying = [await attempted(first, DEAD), await attempted(replayed, DEAD)];
    expect(await Promise.all(dying.map((made) => worker.store.record(made)))).toEqual([true, true]);
    expect(await onlyLetter()).toMatchObject({ delivery_id: replayed.id, attempts: 2, resolution: null });
  });

  it('have one when all grow too old', async () => {
    await worker.maintenance.expireOldDeliveries(Date.now() + worker.config.maxDeliveryAgeHours * HOUR_MS + 1_000);
    expect(await onlyLetter()).toMatchObject({ reason: 'expired' });
  });

  it('resolve it by the one that succeeds after the other died', async () => {
    await settle(first, DEAD);
    await settle(replayed, SUCCEEDED);
    expect(await onlyLetter()).toMatchObject({ resolution: 'retried' });
  });

  it('resolve it by one that succeeded long before and does so again by hand', async () => {
    await settle(replayed, SUCCEEDED);
    await settle(first, DEAD);
    await retryDelivery(replayed);
    await settle(replayed, SUCCEEDED);
    expect(await onlyLetter()).toMatchObject({ resolution: 'retried' });
  });
});

it("leaves another endpoint's letter of the same event alone", async () => {
  const elsewhere = await newEndpoint();
  await settle(first, DEAD);
  await settle(await seedDelivery(api.db, event, elsewhere), DEAD);
  await settle(await retryLetterAt(endpointId), SUCCEEDED);
  expect((await letters('resolved=false')).map(({ endpoint_id }) => endpoint_id)).toEqual([elsewhere]);
});

async function retryLetterAt(at: string): Promise<{ id: string }> {
  const [letter] = await letters(`endpoint_id=${at}`);
  return (await tenant.call<{ id: string }>('POST', `/dead-letters/${letter?.id}/retry`)).body;
}

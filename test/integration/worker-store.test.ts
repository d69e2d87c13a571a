import type { DeepPartial } from 'typeorm';
import { newId } from '../../src/common/ids.js';
import { cancelDelivery } from '../../src/deliveries/cancel-delivery.query.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import { extendLeases } from '../../src/delivery-worker/load.query.js';
import type { Outcome } from '../../src/delivery-worker/outcome.js';
import { recordReports } from '../../src/delivery-worker/record.query.js';
import { Core, insertEndpoint } from '../support/core.js';
import { waitFor } from '../support/processes.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';
import { attempt, DEAD, jobOf, report, succeeded, WorkerHarness } from '../support/worker-harness.js';

const worker = WorkerHarness.use();

describe('loading a job', () => {
  it('brings all that an attempt needs, on the database clock', async () => {
    const delivery = await worker.leased({ attempts: 2 });
    expect(await worker.load(delivery)).toMatchObject({
      id: delivery.id,
      attempts: 2,
      payload: worker.event.payload,
      event_type: 'order.created',
      event_created_at: worker.event.createdAt,
      url: worker.endpoint.url,
      is_active: true,
      timeout_ms: 15_000,
      retired_secrets: [],
      tenant_status: 'active',
      tokens_booked: false,
    });
    const { lease_left_ms, now_ms, age_ms } = await worker.load(delivery);
    expect(lease_left_ms).toBeGreaterThan(50_000);
    expect(lease_left_ms).toBeLessThanOrEqual(60_000);
    expect(Math.abs(now_ms - Date.now())).toBeLessThan(5_000);
    expect(age_ms).toBeLessThan(5_000);
  });

  it.each<[string, DeepPartial<Delivery>]>([
    ['is settled', { status: 'succeeded', leasedUntil: null }],
    ['was given back', { leasedUntil: null }],
    ['was leased again since', { leaseNo: 2 }],
  ])('finds the job void whose delivery %s', async (_name, values) => {
    const delivery = await worker.leased(values);
    expect(await worker.core.store.load(jobOf(delivery))).toBeNull();
  });

  it('gives the newest of two jobs of one delivery its due when both are looked up together', async () => {
    const delivery = await worker.leased({ leaseNo: 2 });
    const [stale, fresh, staleAgain] = await Promise.all([
      worker.core.store.load(jobOf(delivery, 1)),
      worker.core.store.load(jobOf(delivery, 2)),
      worker.core.store.load(jobOf(delivery, 1)),
    ]);
    expect([stale, staleAgain]).toEqual([null, null]);
    expect(fresh).toMatchObject({ id: delivery.id, lease_no: 2 });
  });

  it('tells of a deleted endpoint and tenant by what is missing', async () => {
    const delivery = await worker.leased();
    await worker.core.db.query('DELETE FROM tenants WHERE id = $1', [worker.tenant.id]);
    expect(await worker.load(delivery)).toMatchObject({
      url: null,
      tenant_status: null,
      payload: worker.event.payload,
    });
  });

  it("takes the payload from the dead letter when the event's partition is gone", async () => {
    const old = await seedDelivery(worker.core.db, worker.event, worker.endpoint.id, { status: 'dead_letter' });
    const letter = await seedDeadLetter(worker.core.db, worker.event, old, { source: 'shop' });
    const retry = await worker.leased({ deadLetterId: letter.id });
    await worker.core.db.query('DELETE FROM events WHERE id = $1', [worker.event.id]);
    const expected = {
      payload: worker.event.payload,
      event_type: worker.event.eventType,
      source: 'shop',
      event_created_at: worker.event.createdAt,
    };
    expect(await worker.load(retry)).toMatchObject(expected);

    await worker.core.db.query(
      `UPDATE deliveries SET status = 'pending', settled_status = 'dead_letter', lease_no = 1,
       leased_until = now() + interval '1 minute' WHERE id = $1`,
      [old.id],
    );
    expect(await worker.load(old)).toMatchObject(expected);
    const bare = await seedEvent(worker.core.db, worker.tenant.id);
    const unsendable = await worker.leased({ eventId: bare.id });
    await worker.core.db.query('DELETE FROM events WHERE id = $1', [bare.id]);
    expect(await worker.load(unsendable)).toMatchObject({ payload: null });
  });

  it('waits out a moment without PostgreSQL', async () => {
    const delivery = await worker.leased();
    const loaded = worker.core.store.load(jobOf(delivery));
    await worker.core.db.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'posthaste' AND datname = current_database() AND pid <> pg_backend_pid()`,
    );
    expect(await loaded).toMatchObject({ id: delivery.id });
  });
});

describe('extending a lease', () => {
  it('lengthens one that is still held, and only that', async () => {
    const soon = new Date(Date.now() + 1_000);
    const [held, again, settled] = [
      await worker.leased({ leasedUntil: soon }),
      await worker.leased({ leasedUntil: soon, leaseNo: 2 }),
      await worker.leased({ leasedUntil: null, status: 'cancelled' }),
    ];
    const asked = [held, again, settled].map(({ id }) => ({ id, lease_no: 1 }));
    expect([...(await extendLeases(worker.core.db, asked, 60))]).toEqual([asked[0]]);
    const leftSeconds = ((await worker.stateOf(held)).leased_until as Date).getTime() - Date.now();
    expect(leftSeconds).toBeGreaterThan(50_000);
    expect((await worker.stateOf(again)).leased_until).toEqual(soon);
  });
});

describe('recording', () => {
  it('writes a success: the attempt as it was, and the delivery settled', async () => {
    const delivery = await worker.leased({ attempts: 1, lastError: 'HTTP 500', lastStatusCode: 500 });
    expect(
      await worker.core.store.record(report(await worker.load(delivery), { kind: 'succeeded' }, succeeded())),
    ).toBe(true);
    expect(await worker.stateOf(delivery)).toMatchObject({
      status: 'succeeded',
      attempts: 2,
      leased_until: null,
      next_attempt_at: null,
      last_status_code: 204,
      last_error: null,
      completed_at: expect.any(Date) as Date,
    });
    expect(await worker.attemptsOf(delivery)).toMatchObject([
      {
        tenant_id: worker.tenant.id,
        endpoint_id: worker.endpoint.id,
        attempt: 2,
        outcome: 'succeeded',
        status_code: 204,
        error: null,
        request_headers: { 'content-type': 'application/json', 'x-token': '***' },
        response_headers: { 'x-odd': ['a', '"b", {c}'] },
        response_body: 'oh no, "really" {\\}',
        duration_ms: 1_234,
        format: 'envelope',
      },
    ]);
  });

  it('puts a failed delivery off for as long as it was told', async () => {
    const delivery = await worker.leased();
    await worker.core.store.record(report(await worker.load(delivery), { kind: 'retry', waitMs: 90_000 }, attempt()));
    const state = await worker.stateOf(delivery);
    expect(state).toMatchObject({ status: 'pending', attempts: 1, leased_until: null, last_error: 'HTTP 500' });
    expect(state.wait_seconds).toBeCloseTo(90, -0.5);
    expect(state.completed_at).toBeNull();
  });

  it('holds without spending an attempt, keeps the last error, and remembers booked tokens until they are spent', async () => {
    const delivery = await worker.leased({ attempts: 1, lastError: 'HTTP 500' });
    const held: Outcome = { kind: 'held', by: 'rate_limit', waitMs: 5_000, tokensBooked: true };
    await worker.core.store.record(report(await worker.load(delivery), held, null));
    expect(await worker.stateOf(delivery)).toMatchObject({
      status: 'pending',
      held_by: 'rate_limit',
      attempts: 1,
      tokens_booked: true,
      last_error: 'HTTP 500',
    });
    expect(await worker.attemptsOf(delivery)).toEqual([]);

    await worker.core.db.query(
      `UPDATE deliveries SET lease_no = 2, leased_until = now() + interval '1 minute' WHERE id = $1`,
      [delivery.id],
    );
    const again = await worker.load(delivery, 2);
    expect(again.tokens_booked).toBe(true);
    await worker.core.store.record(report(again, { kind: 'retry', waitMs: 1 }, attempt()));
    expect(await worker.stateOf(delivery)).toMatchObject({ tokens_booked: false, held_by: null });
  });

  it('holds with no end in sight out of the due ones', async () => {
    const delivery = await worker.leased();
    await worker.core.store.record(
      report(await worker.load(delivery), { kind: 'held', by: 'disabled', waitMs: null }, null),
    );
    expect(await worker.stateOf(delivery)).toMatchObject({
      held_by: 'disabled',
      wait_seconds: null,
      leased_until: null,
    });
  });

  it('keeps the attempt but not the outcome of a lease that was lost', async () => {
    const delivery = await worker.leased();
    const loaded = await worker.load(delivery);
    await worker.core.db.query('UPDATE deliveries SET lease_no = 2 WHERE id = $1', [delivery.id]);
    expect(await worker.core.store.record(report(loaded, DEAD, attempt()))).toBe(false);
    expect(await worker.stateOf(delivery)).toMatchObject({ status: 'pending', attempts: 0, lease_no: 2 });
    expect(await worker.attemptsOf(delivery)).toHaveLength(1);
    expect(await worker.lettersOf(worker.event.id)).toEqual([]);
  });

  it('lets the lease in force decide when a late outcome of an older one comes with it', async () => {
    const delivery = await worker.leased();
    const late = await worker.load(delivery);
    await worker.core.db.query('UPDATE deliveries SET lease_no = 2 WHERE id = $1', [delivery.id]);
    const current = await worker.load(delivery, 2);
    const answers = await Promise.all([
      worker.core.store.record(report(late, DEAD, attempt())),
      worker.core.store.record(report(current, { kind: 'succeeded' }, succeeded())),
    ]);
    expect(answers).toEqual([false, true]);
    expect((await worker.stateOf(delivery)).status).toBe('succeeded');
    expect(await worker.lettersOf(worker.event.id)).toEqual([]);
    expect(await worker.attemptsOf(delivery)).toHaveLength(2);
  });

  it('keeps the attempt, but not the outcome, of a delivery that was cancelled in flight', async () => {
    const delivery = await worker.leased();
    const loaded = await worker.load(delivery);
    expect(await cancelDelivery(worker.core.db.manager, worker.tenant.id, delivery.id)).toBe(true);
    expect(await worker.core.store.record(report(loaded, { kind: 'succeeded' }, succeeded()))).toBe(false);
    expect(await worker.stateOf(delivery)).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(await worker.attemptsOf(delivery)).toHaveLength(1);
  });

  it('writes many in one go, each its own', async () => {
    const endpoints = await Promise.all(
      Array.from({ length: 40 }, () => insertEndpoint(worker.core.db, worker.tenant.id)),
    );
    const deliveries = await Promise.all(endpoints.map(({ id }) => worker.leased({ endpointId: id })));
    const outcomes: Outcome[] = [{ kind: 'succeeded' }, { kind: 'retry', waitMs: 60_000 }, DEAD, { kind: 'cancelled' }];
    await Promise.all(
      deliveries.map(async (delivery, index) => {
        const outcome = outcomes[index % 4] as Outcome;
        const made =
          { succeeded: succeeded(), retry: attempt(), dead_letter: attempt() }[outcome.kind as string] ?? null;
        expect(await worker.core.store.record(report(await worker.load(delivery), outcome, made))).toBe(true);
      }),
    );
    const states = await Promise.all(deliveries.map((delivery) => worker.stateOf(delivery)));
    expect(states.slice(0, 4).map(({ status }) => status)).toEqual([
      'succeeded',
      'pending',
      'dead_letter',
      'cancelled',
    ]);
    states.forEach(({ status }, index) => expect(status).toBe(states[index % 4]?.status));
    expect(await worker.lettersOf(worker.event.id)).toHaveLength(10);
  });

  it('tells of a bad report without losing its neighbours', async () => {
    const [good, bad] = [await worker.leased(), await worker.leased()];
    const outcomes = await Promise.allSettled([
      worker.core.store.record(report(await worker.load(good), { kind: 'succeeded' }, succeeded())),
      worker.core.store.record(report(await worker.load(bad), { kind: 'succeeded' }, attempt({ responseBody: '\0' }))),
    ]);
    expect(outcomes).toMatchObject([{ status: 'fulfilled', value: true }, { status: 'rejected' }]);
    expect((await worker.stateOf(good)).status).toBe('succeeded');
    expect(await worker.stateOf(bad)).toMatchObject({ status: 'pending', attempts: 0 });
  });

  it('is told of once when it is repeated, as after a commit whose answer was lost', async () => {
    const told = report(await worker.load(await worker.leased()), { kind: 'retry', waitMs: 1 }, attempt());
    expect(await worker.core.store.record(told)).toBe(true);
    expect(await worker.core.store.record(told)).toBe(false);
    expect(await worker.attemptsOf(told.delivery)).toHaveLength(1);
    expect((await worker.stateOf(told.delivery)).attempts).toBe(1);
  });

  it('waits out a loss of PostgreSQL, and records the attempt once', async () => {
    const delivery = await worker.leased();
    const loaded = await worker.load(delivery);
    const blocker = worker.core.db.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('SELECT FROM deliveries WHERE id = $1 FOR UPDATE', [delivery.id]);
    const recorded = worker.core.store.record(report(loaded, { kind: 'succeeded' }, succeeded()));
    const waiting = `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'WITH attempt AS%'
      AND datname = current_database()`;
    await waitFor(async () => (await worker.core.db.query<unknown[]>(`SELECT ${waiting}`)).length > 0, {
      what: 'the recording to wait for the row',
    });
    await worker.core.db.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
    await blocker.commitTransaction();
    await blocker.release();
    expect(await recorded).toBe(true);
    expect((await worker.stateOf(delivery)).status).toBe('succeeded');
    expect(await worker.attemptsOf(delivery)).toHaveLength(1);
  });
});

describe('two workers with outcomes of the same deliveries in opposite orders', () => {
  it('do not lock each other out', async () => {
    const other = await Core.start(worker.databaseUrl);
    const deliveries = await Promise.all(Array.from({ length: 50 }, () => worker.leased()));
    const loaded = await Promise.all(deliveries.map((delivery) => worker.load(delivery)));
    const reports = loaded.map((one) => report(one, { kind: 'succeeded' }, null));
    const results = await Promise.all([
      recordReports(worker.core.db, reports),
      recordReports(other.db, [...reports].reverse()),
    ]);
    expect(results.map(({ size }) => size).sort((a, b) => a - b)).toEqual([0, 50]);
    await other.close();
  });
});

it('an id that no delivery has is a void job', async () => {
  expect(
    await worker.core.store.load({ deliveryId: newId(), eventId: newId(), endpointId: newId(), leaseNo: 1 }),
  ).toBeNull();
});

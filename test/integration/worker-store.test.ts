import type { DeepPartial } from 'typeorm';
import { newId } from '../../src/common/ids.js';
import type { DeadLetter } from '../../src/dead-letters/dead-letter.entity.js';
import { cancelDelivery } from '../../src/deliveries/cancel-delivery.query.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import { extendLeases, loadDeliveries, type LoadedDelivery } from '../../src/delivery-worker/load.query.js';
import type { Outcome } from '../../src/delivery-worker/outcome.js';
import { recordReports, type MadeAttempt, type Report } from '../../src/delivery-worker/record.query.js';
import type { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import type { Tenant } from '../../src/tenants/tenant.entity.js';
import { Core, insertEndpoint, insertTenant, rowsOf } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';

let database: TestDatabase;
let core: Core;
let tenant: Tenant;
let endpoint: Endpoint;
let event: EventEntity;
beforeAll(async () => {
  database = await createTestDatabase();
  core = await Core.start(database.url);
});
beforeEach(async () => {
  tenant = await insertTenant(core.db);
  endpoint = await insertEndpoint(core.db, tenant.id);
  event = await seedEvent(core.db, tenant.id);
});
afterAll(async () => {
  await core.close();
  await database.drop();
});

const inOneMinute = (): Date => new Date(Date.now() + 60_000);
const leased = (values: DeepPartial<Delivery> = {}): Promise<Delivery> =>
  seedDelivery(core.db, event, endpoint.id, { leaseNo: 1, leasedUntil: inOneMinute(), ...values });

const jobOf = (delivery: Delivery, leaseNo = 1) => ({ deliveryId: delivery.id, eventId: delivery.eventId, leaseNo });
async function load(delivery: Delivery, leaseNo = 1): Promise<LoadedDelivery> {
  const loaded = (await loadDeliveries(core.db, [jobOf(delivery, leaseNo)])).get(delivery.id);
  if (loaded === undefined) throw new Error('The job is void');
  return loaded;
}

function attempt(values: Partial<MadeAttempt['result']> = {}): MadeAttempt {
  return {
    id: newId(),
    url: 'https://hooks.example.com/',
    requestHeaders: { 'content-type': 'application/json', 'x-token': '***' },
    result: {
      outcome: 'failed',
      statusCode: 500,
      error: { code: 'http_status', message: 'HTTP 500' },
      responseHeaders: { 'x-odd': ['a', '"b", {c}'] },
      responseBody: 'oh no, "really" {\\}',
      responseTruncated: false,
      retryAfterSeconds: null,
      durationMs: 1_234,
      ...values,
    },
  };
}
const succeeded = (): MadeAttempt => attempt({ outcome: 'succeeded', statusCode: 204, error: null });

const report = (delivery: LoadedDelivery, outcome: Outcome, made: MadeAttempt | null): Report => ({
  delivery,
  outcome,
  attempt: made,
  maxAttempts: 7,
});
const DEAD: Outcome = { kind: 'dead_letter', reason: 'attempts_exhausted', disableEndpoint: false };
const GONE: Outcome = { kind: 'dead_letter', reason: 'gone', disableEndpoint: true };

interface State {
  status: string;
  settled_status: string | null;
  held_by: string | null;
  lease_no: number;
  leased_until: Date | null;
  attempts: number;
  last_status_code: number | null;
  last_error: string | null;
  tokens_booked: boolean;
  completed_at: Date | null;
  wait_seconds: number | null;
}
async function stateOf({ id }: { id: string }): Promise<State> {
  const [row] = await rowsOf<State>(
    core.db,
    `SELECT *, extract(epoch FROM next_attempt_at - now())::float8 AS wait_seconds FROM deliveries WHERE id = $1`,
    [id],
  );
  if (row === undefined) throw new Error('No such delivery');
  return row;
}
const attemptsOf = ({ id }: { id: string }): Promise<Record<string, unknown>[]> =>
  rowsOf(core.db, 'SELECT * FROM delivery_attempts WHERE delivery_id = $1 ORDER BY id', [id]);
const lettersOf = (eventId: string): Promise<Record<string, unknown>[]> =>
  rowsOf(core.db, 'SELECT * FROM dead_letters WHERE event_id = $1 ORDER BY id', [eventId]);

describe('loading a job', () => {
  it('brings all that an attempt needs, on the database clock', async () => {
    const delivery = await leased({ attempts: 2 });
    expect(await load(delivery)).toMatchObject({
      id: delivery.id,
      attempts: 2,
      payload: event.payload,
      event_type: 'order.created',
      event_created_at: event.createdAt,
      url: endpoint.url,
      is_active: true,
      timeout_ms: 15_000,
      retired_secrets: [],
      tenant_status: 'active',
      tokens_booked: false,
    });
    const { lease_left_ms, now_ms, age_ms } = await load(delivery);
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
    const delivery = await leased(values);
    expect(await core.store.load(jobOf(delivery))).toBeNull();
  });

  it('gives the newest of two jobs of one delivery its due when both are looked up together', async () => {
    const delivery = await leased({ leaseNo: 2 });
    const [stale, fresh, staleAgain] = await Promise.all([
      core.store.load(jobOf(delivery, 1)),
      core.store.load(jobOf(delivery, 2)),
      core.store.load(jobOf(delivery, 1)),
    ]);
    expect([stale, staleAgain]).toEqual([null, null]);
    expect(fresh).toMatchObject({ id: delivery.id, lease_no: 2 });
  });

  it('tells of a deleted endpoint and tenant by what is missing', async () => {
    const delivery = await leased();
    await core.db.query('DELETE FROM tenants WHERE id = $1', [tenant.id]);
    expect(await load(delivery)).toMatchObject({ url: null, tenant_status: null, payload: event.payload });
  });

  it("takes the payload from the dead letter when the event's partition is gone", async () => {
    const old = await seedDelivery(core.db, event, endpoint.id, { status: 'dead_letter' });
    const letter = await seedDeadLetter(core.db, event, old, { source: 'shop' });
    const retry = await leased({ deadLetterId: letter.id });
    await core.db.query('DELETE FROM events WHERE id = $1', [event.id]);
    const expected = { payload: event.payload, event_type: event.eventType, source: 'shop', event_created_at: event.createdAt };
    expect(await load(retry)).toMatchObject(expected);

    await core.db.query(
      `UPDATE deliveries SET status = 'pending', settled_status = 'dead_letter', lease_no = 1,
       leased_until = now() + interval '1 minute' WHERE id = $1`,
      [old.id],
    );
    expect(await load(old)).toMatchObject(expected);
    expect(await load(await leased())).toMatchObject({ payload: null });
  });

  it('waits out a moment without PostgreSQL', async () => {
    const delivery = await leased();
    const loaded = core.store.load(jobOf(delivery));
    await core.db.query(
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
      await leased({ leasedUntil: soon }),
      await leased({ leasedUntil: soon, leaseNo: 2 }),
      await leased({ leasedUntil: null, status: 'cancelled' }),
    ];
    const asked = [held, again, settled].map(({ id }) => ({ id, lease_no: 1 }));
    expect([...(await extendLeases(core.db, asked, 60))]).toEqual([asked[0]]);
    const leftSeconds = ((await stateOf(held)).leased_until as Date).getTime() - Date.now();
    expect(leftSeconds).toBeGreaterThan(50_000);
    expect((await stateOf(again)).leased_until).toEqual(soon);
  });
});

describe('recording', () => {
  it('writes a success: the attempt as it was, and the delivery settled', async () => {
    const delivery = await leased({ attempts: 1, lastError: 'HTTP 500', lastStatusCode: 500 });
    expect(await core.store.record(report(await load(delivery), { kind: 'succeeded' }, succeeded()))).toBe(true);
    expect(await stateOf(delivery)).toMatchObject({
      status: 'succeeded',
      attempts: 2,
      leased_until: null,
      next_attempt_at: null,
      last_status_code: 204,
      last_error: null,
      completed_at: expect.any(Date) as Date,
    });
    expect(await attemptsOf(delivery)).toMatchObject([
      {
        tenant_id: tenant.id,
        endpoint_id: endpoint.id,
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
    const delivery = await leased();
    await core.store.record(report(await load(delivery), { kind: 'retry', waitMs: 90_000 }, attempt()));
    const state = await stateOf(delivery);
    expect(state).toMatchObject({ status: 'pending', attempts: 1, leased_until: null, last_error: 'HTTP 500' });
    expect(state.wait_seconds).toBeCloseTo(90, -0.5);
    expect(state.completed_at).toBeNull();
  });

  it('holds without spending an attempt, keeps the last error, and remembers booked tokens until they are spent', async () => {
    const delivery = await leased({ attempts: 1, lastError: 'HTTP 500' });
    const held: Outcome = { kind: 'held', by: 'rate_limit', waitMs: 5_000, tokensBooked: true };
    await core.store.record(report(await load(delivery), held, null));
    expect(await stateOf(delivery)).toMatchObject({
      status: 'pending',
      held_by: 'rate_limit',
      attempts: 1,
      tokens_booked: true,
      last_error: 'HTTP 500',
    });
    expect(await attemptsOf(delivery)).toEqual([]);

    await core.db.query(
      `UPDATE deliveries SET lease_no = 2, leased_until = now() + interval '1 minute' WHERE id = $1`,
      [delivery.id],
    );
    const again = await load(delivery, 2);
    expect(again.tokens_booked).toBe(true);
    await core.store.record(report(again, { kind: 'retry', waitMs: 1 }, attempt()));
    expect(await stateOf(delivery)).toMatchObject({ tokens_booked: false, held_by: null });
  });

  it('holds with no end in sight out of the due ones', async () => {
    const delivery = await leased();
    await core.store.record(report(await load(delivery), { kind: 'held', by: 'disabled', waitMs: null }, null));
    expect(await stateOf(delivery)).toMatchObject({ held_by: 'disabled', wait_seconds: null, leased_until: null });
  });

  it('keeps the attempt but not the outcome of a lease that was lost', async () => {
    const delivery = await leased();
    const loaded = await load(delivery);
    await core.db.query('UPDATE deliveries SET lease_no = 2 WHERE id = $1', [delivery.id]);
    expect(await core.store.record(report(loaded, DEAD, attempt()))).toBe(false);
    expect(await stateOf(delivery)).toMatchObject({ status: 'pending', attempts: 0, lease_no: 2 });
    expect(await attemptsOf(delivery)).toHaveLength(1);
    expect(await lettersOf(event.id)).toEqual([]);
  });

  it('lets the lease in force decide when a late outcome of an older one comes with it', async () => {
    const delivery = await leased();
    const late = await load(delivery);
    await core.db.query('UPDATE deliveries SET lease_no = 2 WHERE id = $1', [delivery.id]);
    const current = await load(delivery, 2);
    const answers = await Promise.all([
      core.store.record(report(late, DEAD, attempt())),
      core.store.record(report(current, { kind: 'succeeded' }, succeeded())),
    ]);
    expect(answers).toEqual([false, true]);
    expect((await stateOf(delivery)).status).toBe('succeeded');
    expect(await lettersOf(event.id)).toEqual([]);
    expect(await attemptsOf(delivery)).toHaveLength(2);
  });

  it('keeps the attempt, but not the outcome, of a delivery that was cancelled in flight', async () => {
    const delivery = await leased();
    const loaded = await load(delivery);
    expect(await cancelDelivery(core.db, tenant.id, delivery.id)).toBe(true);
    expect(await core.store.record(report(loaded, { kind: 'succeeded' }, succeeded()))).toBe(false);
    expect(await stateOf(delivery)).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(await attemptsOf(delivery)).toHaveLength(1);
  });

  it('writes many in one go, each its own', async () => {
    const deliveries = await Promise.all(Array.from({ length: 40 }, () => leased()));
    const outcomes: Outcome[] = [{ kind: 'succeeded' }, { kind: 'retry', waitMs: 60_000 }, DEAD, { kind: 'cancelled' }];
    await Promise.all(
      deliveries.map(async (delivery, index) => {
        const outcome = outcomes[index % 4] as Outcome;
        const made = { succeeded: succeeded(), retry: attempt(), dead_letter: attempt() }[outcome.kind as string] ?? null;
        expect(await core.store.record(report(await load(delivery), outcome, made))).toBe(true);
      }),
    );
    const states = await Promise.all(deliveries.map(stateOf));
    expect(states.slice(0, 4).map(({ status }) => status)).toEqual(['succeeded', 'pending', 'dead_letter', 'cancelled']);
    states.forEach(({ status }, index) => expect(status).toBe(states[index % 4]?.status));
    expect(await lettersOf(event.id)).toHaveLength(10);
  });

  it('tells of a bad report without losing its neighbours', async () => {
    const [good, bad] = [await leased(), await leased()];
    const outcomes = await Promise.allSettled([
      core.store.record(report(await load(good), { kind: 'succeeded' }, succeeded())),
      core.store.record(report(await load(bad), { kind: 'succeeded' }, attempt({ responseBody: '\0' }))),
    ]);
    expect(outcomes).toMatchObject([{ status: 'fulfilled', value: true }, { status: 'rejected' }]);
    expect((await stateOf(good)).status).toBe('succeeded');
    expect(await stateOf(bad)).toMatchObject({ status: 'pending', attempts: 0 });
  });

  it('is told of once when it is repeated, as after a commit whose answer was lost', async () => {
    const told = report(await load(await leased()), { kind: 'retry', waitMs: 1 }, attempt());
    expect(await core.store.record(told)).toBe(true);
    expect(await core.store.record(told)).toBe(false);
    expect(await attemptsOf(told.delivery)).toHaveLength(1);
    expect((await stateOf(told.delivery)).attempts).toBe(1);
  });

  it('waits out a loss of PostgreSQL, and records the attempt once', async () => {
    const delivery = await leased();
    const loaded = await load(delivery);
    const blocker = core.db.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('SELECT FROM deliveries WHERE id = $1 FOR UPDATE', [delivery.id]);
    const recorded = core.store.record(report(loaded, { kind: 'succeeded' }, succeeded()));
    const waiting = `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'WITH attempt AS%'
      AND datname = current_database()`;
    await waitFor(async () => (await core.db.query<unknown[]>(`SELECT ${waiting}`)).length > 0, {
      what: 'the recording to wait for the row',
    });
    await core.db.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
    await blocker.commitTransaction();
    await blocker.release();
    expect(await recorded).toBe(true);
    expect((await stateOf(delivery)).status).toBe('succeeded');
    expect(await attemptsOf(delivery)).toHaveLength(1);
  });
});

describe('a dead letter', () => {
  it('keeps the payload and all that a retry needs', async () => {
    const delivery = await leased({ attempts: 6 });
    await core.store.record(report(await load(delivery), DEAD, attempt()));
    expect(await stateOf(delivery)).toMatchObject({ status: 'dead_letter', attempts: 7, wait_seconds: null });
    expect(await lettersOf(event.id)).toMatchObject([
      {
        tenant_id: tenant.id,
        delivery_id: delivery.id,
        endpoint_id: endpoint.id,
        event_type: event.eventType,
        payload: event.payload,
        traceparent: event.traceparent,
        event_created_at: event.createdAt,
        reason: 'attempts_exhausted',
        attempts: 7,
        last_status_code: 500,
        last_error: 'HTTP 500',
        resolved_at: null,
      },
    ]);
  });

  it('and the status of its delivery are written together or not at all', async () => {
    const delivery = await leased();
    await core.db.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION refuse()`);
    try {
      await expect(core.store.record(report(await load(delivery), DEAD, attempt()))).rejects.toThrow('refused');
      expect(await stateOf(delivery)).toMatchObject({ status: 'pending', attempts: 0, leased_until: expect.any(Date) as Date });
      expect(await attemptsOf(delivery)).toEqual([]);
    } finally {
      await core.db.query('DROP FUNCTION refuse CASCADE');
    }
    expect(await core.store.record(report(await load(delivery), DEAD, attempt()))).toBe(true);
    expect(await lettersOf(event.id)).toHaveLength(1);
  });

  describe('that is retried by a fresh delivery', () => {
    let letter: DeadLetter;
    let retry: Delivery;
    beforeEach(async () => {
      const old = await seedDelivery(core.db, event, endpoint.id, { status: 'dead_letter' });
      letter = await seedDeadLetter(core.db, event, old);
      retry = await leased({ deadLetterId: letter.id, attempts: 2 });
    });

    it('takes on what that one died of, and no second letter is made', async () => {
      const failure = attempt({ statusCode: 503, error: { code: 'http_status', message: 'HTTP 503' } });
      await core.store.record(report(await load(retry), DEAD, failure));
      expect(await lettersOf(event.id)).toMatchObject([
        { id: letter.id, delivery_id: retry.id, attempts: 10, last_status_code: 503, resolved_at: null },
      ]);
    });

    it('is resolved when that one arrives', async () => {
      await core.store.record(report(await load(retry), { kind: 'succeeded' }, succeeded()));
      expect(await lettersOf(event.id)).toMatchObject([{ resolution: 'retried', resolved_at: expect.any(Date) as Date }]);
    });

    it('does so too when the event is gone', async () => {
      await core.db.query('DELETE FROM events WHERE id = $1', [event.id]);
      await core.store.record(report(await load(retry), DEAD, attempt()));
      expect(await lettersOf(event.id)).toMatchObject([{ id: letter.id, attempts: 10, payload: event.payload }]);
      expect((await stateOf(retry)).status).toBe('dead_letter');
    });
  });
});

describe('a manual attempt on a settled delivery', () => {
  const firstSettled = new Date('2026-01-02T03:04:05.678Z');
  const again = (settledStatus: 'succeeded' | 'dead_letter'): Promise<Delivery> =>
    leased({ settledStatus, attempts: 7, completedAt: firstSettled });

  it('that fails leaves the status and the time of the settlement', async () => {
    const delivery = await again('dead_letter');
    const restored: Outcome = { kind: 'restored', status: 'dead_letter', disableEndpoint: false };
    await core.store.record(report(await load(delivery), restored, attempt()));
    expect(await stateOf(delivery)).toMatchObject({
      status: 'dead_letter',
      settled_status: null,
      attempts: 8,
      completed_at: firstSettled,
    });
    expect(await lettersOf(event.id)).toEqual([]);
  });

  it('that succeeds settles it, and resolves its dead letter', async () => {
    const delivery = await again('dead_letter');
    await seedDeadLetter(core.db, event, delivery);
    await core.store.record(report(await load(delivery), { kind: 'succeeded' }, succeeded()));
    const state = await stateOf(delivery);
    expect(state).toMatchObject({ status: 'succeeded', settled_status: null });
    expect(state.completed_at).not.toEqual(firstSettled);
    expect(await lettersOf(event.id)).toMatchObject([{ resolution: 'retried' }]);
  });

  it('that waits for its turn keeps what it was', async () => {
    const delivery = await again('succeeded');
    await core.store.record(report(await load(delivery), { kind: 'held', by: 'suspended', waitMs: null }, null));
    expect(await stateOf(delivery)).toMatchObject({ status: 'pending', settled_status: 'succeeded' });
  });

  it('whose endpoint was deleted gets its status back', async () => {
    const delivery = await again('succeeded');
    await core.store.record(report(await load(delivery), { kind: 'cancelled' }, null));
    expect(await stateOf(delivery)).toMatchObject({ status: 'succeeded', completed_at: firstSettled });
  });
});

describe('an endpoint that answers 410', () => {
  const gone = (): MadeAttempt => attempt({ statusCode: 410, error: { code: 'http_status', message: 'HTTP 410' } });
  const endpointNow = async (): Promise<object | undefined> =>
    (await rowsOf(core.db, 'SELECT is_active, disabled_reason FROM endpoints WHERE id = $1', [endpoint.id]))[0];

  it('is disabled', async () => {
    await core.store.record(report(await load(await leased()), GONE, gone()));
    expect(await endpointNow()).toEqual({ is_active: false, disabled_reason: 'gone' });
    expect(await lettersOf(event.id)).toMatchObject([{ reason: 'gone' }]);
  });

  it('is disabled by a manual attempt as well', async () => {
    const delivery = await leased({ settledStatus: 'succeeded' });
    const restored: Outcome = { kind: 'restored', status: 'succeeded', disableEndpoint: true };
    await core.store.record(report(await load(delivery), restored, gone()));
    expect(await endpointNow()).toEqual({ is_active: false, disabled_reason: 'gone' });
  });

  it('is left alone when it has another address by then', async () => {
    const loaded = await load(await leased());
    await core.db.query(`UPDATE endpoints SET url = 'https://elsewhere.example.com/' WHERE id = $1`, [endpoint.id]);
    await core.store.record(report(loaded, GONE, gone()));
    expect(await endpointNow()).toEqual({ is_active: true, disabled_reason: null });
  });

  it('stays as a person has disabled it', async () => {
    const loaded = await load(await leased());
    await core.db.query('UPDATE endpoints SET is_active = false WHERE id = $1', [endpoint.id]);
    await core.store.record(report(loaded, GONE, gone()));
    expect(await endpointNow()).toEqual({ is_active: false, disabled_reason: null });
  });
});

describe('two workers with outcomes of the same deliveries in opposite orders', () => {
  it('do not lock each other out', async () => {
    const other = await Core.start(database.url);
    const deliveries = await Promise.all(Array.from({ length: 50 }, () => leased()));
    const loaded = await Promise.all(deliveries.map((delivery) => load(delivery)));
    const reports = loaded.map((one) => report(one, { kind: 'succeeded' }, null));
    const results = await Promise.all([recordReports(core.db, reports), recordReports(other.db, [...reports].reverse())]);
    expect(results.map(({ size }) => size).sort((a, b) => a - b)).toEqual([0, 50]);
    await other.close();
  });
});

it('an id that no delivery has is a void job', async () => {
  expect(await core.store.load({ deliveryId: newId(), eventId: newId(), leaseNo: 1 })).toBeNull();
});

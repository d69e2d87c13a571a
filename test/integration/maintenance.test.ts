import type { DeepPartial } from 'typeorm';
import { idBoundary, newId } from '../../src/common/ids.js';
import { ensurePartitions, PARTITIONED_TABLES, partitionsBefore, startOfDay } from '../../src/database/partitions.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import type { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import type { Tenant } from '../../src/tenants/tenant.entity.js';
import { Core, insertEndpoint, insertTenant, rowsOf, StatementLog } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let database: TestDatabase;
let core: Core;
let tenant: Tenant;
let endpoint: Endpoint;
beforeEach(async () => {
  database = await createTestDatabase();
  core = await Core.start(database.url, { config: { maxDeliveryAgeHours: 24, retentionDays: 10 } });
  tenant = await insertTenant(core.db);
  endpoint = await insertEndpoint(core.db, tenant.id);
});
afterEach(async () => {
  await core.close();
  await database.drop();
});

/** An id made so long ago. */
const idOfAge = (ageMs: number): string => idBoundary(Date.now() - ageMs).slice(0, 14) + newId().slice(14);
const eventOfAge = (ageMs: number, owner = tenant): Promise<EventEntity> =>
  seedEvent(core.db, owner.id, { id: idOfAge(ageMs), createdAt: new Date(Date.now() - ageMs) });
async function deliveryOfAge(ageMs: number, values: DeepPartial<Delivery> = {}): Promise<Delivery> {
  const event = await eventOfAge(ageMs);
  return seedDelivery(core.db, event, endpoint.id, {
    id: idOfAge(ageMs),
    createdAt: new Date(Date.now() - ageMs),
    ...values,
  });
}

interface State {
  status: string;
  settled_status: string | null;
  held_by: string | null;
  lease_no: number;
  leased_until: Date | null;
  next_attempt_at: Date | null;
  completed_at: Date | null;
  last_error: string | null;
}
const stateOf = async (id: string): Promise<State | undefined> =>
  (await rowsOf<State>(core.db, 'SELECT * FROM deliveries WHERE id = $1', [id]))[0];
const letters = (): Promise<Record<string, unknown>[]> => rowsOf(core.db, 'SELECT * FROM dead_letters ORDER BY id');
const count = async (table: string, tenantId = tenant.id): Promise<number> =>
  (await rowsOf<{ n: number }>(core.db, `SELECT count(*)::int AS n FROM ${table} WHERE tenant_id = $1`, [tenantId]))[0]
    ?.n ?? -1;

describe('deliveries that are too old', () => {
  it('become dead letters, due or held for whatever reason, and keep their payload', async () => {
    const waiting: DeepPartial<Delivery>[] = [
      { nextAttemptAt: new Date(Date.now() + HOUR_MS), attempts: 3, lastStatusCode: 500, lastError: 'HTTP 500' },
      { heldBy: 'disabled', nextAttemptAt: null },
      { heldBy: 'suspended', nextAttemptAt: null },
      { heldBy: 'circuit', nextAttemptAt: null },
      { heldBy: 'fairness', nextAttemptAt: null },
      { heldBy: 'rate_limit', nextAttemptAt: new Date() },
    ];
    const old = await Promise.all(waiting.map((values) => deliveryOfAge(25 * HOUR_MS, values)));
    await core.maintenance.expireOldDeliveries();
    for (const { id } of old) {
      expect(await stateOf(id)).toMatchObject({
        status: 'dead_letter',
        held_by: null,
        next_attempt_at: null,
        last_error: 'expired',
        completed_at: expect.any(Date) as Date,
      });
    }
    const written = await letters();
    expect(written.map((letter) => letter.delivery_id).sort()).toEqual(old.map(({ id }) => id).sort());
    expect(written.find((letter) => letter.delivery_id === old[0]?.id)).toMatchObject({
      reason: 'expired',
      payload: '{"total": 1.0, "id":12345678901234567890}',
      event_id: old[0]?.eventId,
      attempts: 3,
      last_status_code: 500,
      last_error: 'expired',
    });
  });

  it('are left to their worker while they are leased, and younger ones to their time', async () => {
    const leased = await deliveryOfAge(25 * HOUR_MS, { leaseNo: 1, leasedUntil: new Date(Date.now() + 60_000) });
    const young = await deliveryOfAge(23 * HOUR_MS);
    const settled = await deliveryOfAge(25 * HOUR_MS, { status: 'succeeded' });
    await core.maintenance.expireOldDeliveries();
    expect((await stateOf(leased.id))?.status).toBe('pending');
    expect((await stateOf(young.id))?.status).toBe('pending');
    expect((await stateOf(settled.id))?.status).toBe('succeeded');
    expect(await letters()).toEqual([]);
  });

  it('void the job of an attempt that comes up later', async () => {
    const { id, eventId, endpointId } = await deliveryOfAge(25 * HOUR_MS, { leaseNo: 4 });
    await core.maintenance.expireOldDeliveries();
    expect((await stateOf(id))?.lease_no).toBe(5);
    expect(await core.store.load({ deliveryId: id, eventId, endpointId, leaseNo: 4 })).toBeNull();
  });

  it('are settled by the thousand', async () => {
    await core.db.query(
      `WITH event AS (INSERT INTO events (id, tenant_id, event_type, payload, traceparent, created_at)
         SELECT id, $2, 'order.created', '{}', '00', now() FROM unnest($1::uuid[]) AS one (id) RETURNING id)
       INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
       SELECT id, $2, id, $3, 'order.created', 7, now() FROM event`,
      [Array.from({ length: 2_500 }, () => idOfAge(25 * HOUR_MS)), tenant.id, endpoint.id],
    );
    await core.maintenance.expireOldDeliveries();
    expect(await rowsOf(core.db, `SELECT FROM deliveries WHERE status = 'pending'`)).toEqual([]);
    expect(await count('dead_letters')).toBe(2_500);
  });

  it('add to the dead letter that they retried instead of making another', async () => {
    const first = await deliveryOfAge(30 * HOUR_MS, { status: 'dead_letter' });
    const event = (await rowsOf<EventEntity>(core.db, 'SELECT * FROM events'))[0] as EventEntity;
    const letter = await seedDeadLetter(
      core.db,
      Object.assign(event, { tenantId: tenant.id, eventType: 'x', createdAt: new Date() }),
      first,
    );
    const retry = await deliveryOfAge(25 * HOUR_MS, { deadLetterId: letter.id, attempts: 2 });
    await core.maintenance.expireOldDeliveries();
    expect(await letters()).toMatchObject([{ id: letter.id, delivery_id: retry.id, attempts: 9, reason: 'expired' }]);
  });

  describe('with a manual attempt ahead', () => {
    const completedAt = new Date('2026-01-02T03:04:05.678Z');
    const manual = (values: DeepPartial<Delivery>): Promise<Delivery> =>
      deliveryOfAge(25 * HOUR_MS, { settledStatus: 'succeeded', completedAt, ...values });

    it('get back the status that they had when nobody lets them go', async () => {
      const { id } = await manual({ heldBy: 'disabled', nextAttemptAt: null });
      await core.maintenance.expireOldDeliveries();
      expect(await stateOf(id)).toMatchObject({ status: 'succeeded', settled_status: null, completed_at: completedAt });
      expect(await letters()).toEqual([]);
    });

    it('are left alone when it is about to be made: whoever asked for it knows how old they are', async () => {
      const due = await manual({ nextAttemptAt: new Date() });
      const next = await manual({ heldBy: 'fairness', nextAttemptAt: null });
      await core.maintenance.expireOldDeliveries();
      for (const { id } of [due, next]) {
        expect(await stateOf(id)).toMatchObject({ status: 'pending', settled_status: 'succeeded' });
      }
    });

    it('make no second dead letter when they had expired before', async () => {
      const { id } = await manual({
        settledStatus: 'dead_letter',
        lastError: 'expired',
        heldBy: 'suspended',
        nextAttemptAt: null,
      });
      await core.maintenance.expireOldDeliveries();
      expect((await stateOf(id))?.status).toBe('dead_letter');
      expect(await letters()).toEqual([]);
    });
  });
});

describe('retention', () => {
  const old = 12 * DAY_MS;
  const names = async (): Promise<string[]> =>
    (await Promise.all(PARTITIONED_TABLES.map((table) => partitionsBefore(core.db, table, Infinity)))).flat();

  beforeEach(() => ensurePartitions(core.db, Date.now() - old));

  it('drops whole days that are too old, and settles before what was still pending in them', async () => {
    const due = await deliveryOfAge(old);
    const held = await deliveryOfAge(old, { heldBy: 'disabled', nextAttemptAt: null });
    const leased = await deliveryOfAge(old, { leaseNo: 1, leasedUntil: new Date(Date.now() + 60_000) });
    const settled = await deliveryOfAge(old, { status: 'succeeded' });
    const kept = await deliveryOfAge(8 * DAY_MS, { status: 'succeeded' });
    await core.maintenance.upkeep();

    const cutoff = startOfDay(Date.now() - 10 * DAY_MS);
    for (const table of PARTITIONED_TABLES) expect(await partitionsBefore(core.db, table, cutoff)).toEqual([]);
    expect((await rowsOf<{ id: string }>(core.db, 'SELECT id FROM deliveries')).map(({ id }) => id)).toEqual([kept.id]);
    const written = await letters();
    expect(written.map((letter) => letter.delivery_id).sort()).toEqual([due.id, held.id, leased.id].sort());
    for (const letter of written) expect(letter.payload).toBe('{"total": 1.0, "id":12345678901234567890}');
    expect(await stateOf(settled.id)).toBeUndefined();
  });

  it('keeps the payload for a young delivery of an event that goes', async () => {
    const event = await eventOfAge(old);
    const replayed = await seedDelivery(core.db, event, endpoint.id, { id: newId() });
    await core.maintenance.upkeep();
    expect((await stateOf(replayed.id))?.status).toBe('dead_letter');
    expect(await letters()).toMatchObject([{ delivery_id: replayed.id, payload: event.payload }]);
  });

  it('leaves a retry alone that is fed from its dead letter', async () => {
    const dead = await deliveryOfAge(old, { status: 'dead_letter' });
    const event = Object.assign(await eventOfAge(old), { id: dead.eventId });
    const letter = await seedDeadLetter(core.db, event, dead);
    const retry = await seedDelivery(core.db, event, endpoint.id, { id: newId(), deadLetterId: letter.id });
    await core.maintenance.upkeep();
    expect((await stateOf(retry.id))?.status).toBe('pending');
  });

  it('waits for a worker that is just writing the outcome of a delivery which is about to go', async () => {
    const { id } = await deliveryOfAge(old, { leaseNo: 1, leasedUntil: new Date(Date.now() + 60_000) });
    const worker = core.db.createQueryRunner();
    await worker.startTransaction();
    await worker.query(
      `UPDATE deliveries SET leased_until = NULL, next_attempt_at = now() + interval '1 minute' WHERE id = $1`,
      [id],
    );
    const upkeep = core.maintenance.upkeep();
    await waitFor(
      async () =>
        (
          await rowsOf(
            core.db,
            `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
          )
        ).length > 0,
      { what: 'the upkeep to wait for the worker' },
    );
    await worker.commitTransaction();
    await worker.release();
    await upkeep;
    expect(await letters()).toMatchObject([{ delivery_id: id, reason: 'expired' }]);
  });

  it('goes on with the rest while somebody reads an old day, and drops that one the next time', async () => {
    const before = await names();
    const reader = core.db.createQueryRunner();
    await reader.startTransaction();
    await reader.query('SELECT count(*) FROM events');
    await core.db.query(
      `INSERT INTO idempotency_keys VALUES ($1, 'header', 'old', $2, '\\x00', 1, NULL, now() - interval '1 second')`,
      [tenant.id, newId()],
    );
    // On a day that has begun since the database was made, so that the next partition can't be made either.
    await core.maintenance.upkeep(Date.now() + DAY_MS);
    expect((await names()).filter((name) => name.startsWith('events_'))).toEqual(
      before.filter((name) => name.startsWith('events_')),
    );
    expect(await count('idempotency_keys')).toBe(0);
    await reader.commitTransaction();
    await reader.release();

    await core.maintenance.upkeep();
    expect(await partitionsBefore(core.db, 'events', startOfDay(Date.now() - 10 * DAY_MS))).toEqual([]);
  });

  it("removes a tenant's old and settled rows after its own, shorter time, and nobody else's", async () => {
    await core.db.query('UPDATE tenants SET retention_days = 3 WHERE id = $1', [tenant.id]);
    const stranger = await insertTenant(core.db);
    await eventOfAge(4 * DAY_MS, stranger);
    const gone = await deliveryOfAge(4 * DAY_MS, { status: 'succeeded' });
    const pending = await deliveryOfAge(4 * DAY_MS, { heldBy: 'disabled', nextAttemptAt: null });
    const young = await deliveryOfAge(2 * DAY_MS, { status: 'succeeded' });
    for (const delivery of [gone, pending, young]) {
      await core.db.query(
        `INSERT INTO delivery_attempts (id, tenant_id, delivery_id, endpoint_id, attempt, outcome, url, request_headers,
           format, duration_ms, created_at)
         VALUES ($1, $2, $3, $4, 1, 'failed', 'https://x', '{}', 'envelope', 1, now())`,
        [delivery.id, tenant.id, delivery.id, endpoint.id],
      );
    }
    await core.maintenance.upkeep();
    expect(await stateOf(gone.id)).toBeUndefined();
    expect((await stateOf(pending.id))?.status).toBe('pending');
    expect((await stateOf(young.id))?.status).toBe('succeeded');
    for (const table of PARTITIONED_TABLES) expect([table, await count(table)]).toEqual([table, 2]);
    expect(await count('events', stranger.id)).toBe(1);
  });
});

describe('upkeep', () => {
  it('removes idempotency keys whose time is over, and only those', async () => {
    const insert = (key: string, expires: string): Promise<unknown> =>
      core.db.query(
        `INSERT INTO idempotency_keys VALUES ($1, 'event_id', $2, $3, '\\x00', 1, NULL, now() + $4::interval)`,
        [tenant.id, key, newId(), expires],
      );
    await insert('over', '-1 second');
    await insert('in force', '1 hour');
    await core.maintenance.upkeep();
    expect(await rowsOf(core.db, 'SELECT key FROM idempotency_keys')).toEqual([{ key: 'in force' }]);
  });

  it('makes the partitions of the days to come', async () => {
    await core.maintenance.upkeep(Date.now() + 30 * DAY_MS);
    const [last] = (await partitionsBefore(core.db, 'events', Infinity)).slice(-1);
    expect(last).toBe(`events_${new Date(Date.now() + 33 * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`);
  });
});

describe('of several workers', () => {
  const LOCK_KEY = 5_071_846_292;

  it('one does the work at a time: another finds it taken, and does nothing', async () => {
    const { id } = await deliveryOfAge(25 * HOUR_MS);
    const holder = core.db.createQueryRunner();
    await holder.query('SELECT pg_advisory_lock($1)', [LOCK_KEY]);
    const idle = await Core.start(database.url, { config: { maxDeliveryAgeHours: 24 } });
    const log = StatementLog.on(idle.db);
    idle.maintenance.onApplicationBootstrap();
    await waitFor(() => log.count('pg_try_advisory_lock') === 2, { what: 'both jobs to ask for the lock' });
    await idle.maintenance.onModuleDestroy();
    await idle.close();
    expect((await stateOf(id))?.status).toBe('pending');

    await holder.query('SELECT pg_advisory_unlock($1)', [LOCK_KEY]);
    await holder.release();
    core.maintenance.onApplicationBootstrap();
    await waitFor(async () => (await stateOf(id))?.status === 'dead_letter', { what: 'the work to be done' });
    await core.maintenance.onModuleDestroy();
    const locks = await rowsOf(core.db, `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1`, [
      LOCK_KEY % 2 ** 32,
    ]);
    expect(locks).toEqual([]);
  });
});

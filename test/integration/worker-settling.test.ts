import type { DeadLetter } from '../../src/dead-letters/dead-letter.entity.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import type { Outcome } from '../../src/delivery-worker/outcome.js';
import type { MadeAttempt } from '../../src/delivery-worker/record.query.js';
import { rowsOf } from '../support/core.js';
import { seedDeadLetter, seedDelivery } from '../support/seed.js';
import { attempt, DEAD, report, succeeded, WorkerHarness } from '../support/worker-harness.js';

const GONE: Outcome = { kind: 'dead_letter', reason: 'gone', disableEndpoint: true };

const worker = WorkerHarness.use();

describe('a dead letter', () => {
  it('keeps the payload and all that a retry needs', async () => {
    const delivery = await worker.leased({ attempts: 6 });
    await worker.core.store.record(report(await worker.load(delivery), DEAD, attempt()));
    expect(await worker.stateOf(delivery)).toMatchObject({ status: 'dead_letter', attempts: 7, wait_seconds: null });
    expect(await worker.lettersOf(worker.event.id)).toMatchObject([
      {
        tenant_id: worker.tenant.id,
        delivery_id: delivery.id,
        endpoint_id: worker.endpoint.id,
        event_type: worker.event.eventType,
        payload: worker.event.payload,
        traceparent: worker.event.traceparent,
        event_created_at: worker.event.createdAt,
        reason: 'attempts_exhausted',
        attempts: 7,
        last_status_code: 500,
        last_error: 'HTTP 500',
        resolved_at: null,
      },
    ]);
  });

  it('and the status of its delivery are written together or not at all', async () => {
    const delivery = await worker.leased();
    await worker.core.db.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION refuse()`);
    try {
      await expect(worker.core.store.record(report(await worker.load(delivery), DEAD, attempt()))).rejects.toThrow(
        'refused',
      );
      expect(await worker.stateOf(delivery)).toMatchObject({
        status: 'pending',
        attempts: 0,
        leased_until: expect.any(Date) as Date,
      });
      expect(await worker.attemptsOf(delivery)).toEqual([]);
    } finally {
      await worker.core.db.query('DROP FUNCTION refuse CASCADE');
    }
    expect(await worker.core.store.record(report(await worker.load(delivery), DEAD, attempt()))).toBe(true);
    expect(await worker.lettersOf(worker.event.id)).toHaveLength(1);
  });

  describe('that is retried by a fresh delivery', () => {
    let letter: DeadLetter;
    let retry: Delivery;
    beforeEach(async () => {
      const old = await seedDelivery(worker.core.db, worker.event, worker.endpoint.id, { status: 'dead_letter' });
      letter = await seedDeadLetter(worker.core.db, worker.event, old);
      retry = await worker.leased({ deadLetterId: letter.id, attempts: 2 });
    });

    it('takes on what that one died of, and no second letter is made', async () => {
      const failure = attempt({ statusCode: 503, error: { code: 'http_status', message: 'HTTP 503' } });
      await worker.core.store.record(report(await worker.load(retry), DEAD, failure));
      expect(await worker.lettersOf(worker.event.id)).toMatchObject([
        { id: letter.id, delivery_id: retry.id, attempts: 10, last_status_code: 503, resolved_at: null },
      ]);
    });

    it('is resolved when that one arrives', async () => {
      await worker.core.store.record(report(await worker.load(retry), { kind: 'succeeded' }, succeeded()));
      expect(await worker.lettersOf(worker.event.id)).toMatchObject([
        { resolution: 'retried', resolved_at: expect.any(Date) as Date },
      ]);
    });

    it('does so too when the event is gone', async () => {
      await worker.core.db.query('DELETE FROM events WHERE id = $1', [worker.event.id]);
      await worker.core.store.record(report(await worker.load(retry), DEAD, attempt()));
      expect(await worker.lettersOf(worker.event.id)).toMatchObject([
        { id: letter.id, attempts: 10, payload: worker.event.payload },
      ]);
      expect((await worker.stateOf(retry)).status).toBe('dead_letter');
    });
  });
});

describe('a manual attempt on a settled delivery', () => {
  const firstSettled = new Date('2026-01-02T03:04:05.678Z');
  const again = (settledStatus: 'succeeded' | 'dead_letter'): Promise<Delivery> =>
    worker.leased({ settledStatus, attempts: 7, completedAt: firstSettled });

  it('that fails leaves the status and the time of the settlement', async () => {
    const delivery = await again('dead_letter');
    const restored: Outcome = { kind: 'restored', status: 'dead_letter', disableEndpoint: false };
    await worker.core.store.record(report(await worker.load(delivery), restored, attempt()));
    expect(await worker.stateOf(delivery)).toMatchObject({
      status: 'dead_letter',
      settled_status: null,
      attempts: 8,
      completed_at: firstSettled,
    });
    expect(await worker.lettersOf(worker.event.id)).toEqual([]);
  });

  it('that succeeds settles it, and resolves its dead letter', async () => {
    const delivery = await again('dead_letter');
    await seedDeadLetter(worker.core.db, worker.event, delivery);
    await worker.core.store.record(report(await worker.load(delivery), { kind: 'succeeded' }, succeeded()));
    const state = await worker.stateOf(delivery);
    expect(state).toMatchObject({ status: 'succeeded', settled_status: null });
    expect(state.completed_at).not.toEqual(firstSettled);
    expect(await worker.lettersOf(worker.event.id)).toMatchObject([{ resolution: 'retried' }]);
  });

  it('that waits for its turn keeps what it was', async () => {
    const delivery = await again('succeeded');
    await worker.core.store.record(
      report(await worker.load(delivery), { kind: 'held', by: 'suspended', waitMs: null }, null),
    );
    expect(await worker.stateOf(delivery)).toMatchObject({ status: 'pending', settled_status: 'succeeded' });
  });

  it('whose endpoint was deleted gets its status back', async () => {
    const delivery = await again('succeeded');
    await worker.core.store.record(report(await worker.load(delivery), { kind: 'cancelled' }, null));
    expect(await worker.stateOf(delivery)).toMatchObject({ status: 'succeeded', completed_at: firstSettled });
  });
});

describe('an endpoint that answers 410', () => {
  const gone = (): MadeAttempt => attempt({ statusCode: 410, error: { code: 'http_status', message: 'HTTP 410' } });
  const endpointNow = async (): Promise<object | undefined> =>
    (
      await rowsOf(worker.core.db, 'SELECT is_active, disabled_reason FROM endpoints WHERE id = $1', [
        worker.endpoint.id,
      ])
    )[0];

  const audited = (): Promise<object[]> =>
    rowsOf(worker.core.db, `SELECT actor_kind, action, changes FROM audit_log WHERE subject_id = $1`, [
      worker.endpoint.id,
    ]);

  it('is disabled', async () => {
    await worker.core.store.record(report(await worker.load(await worker.leased()), GONE, gone()));
    expect(await endpointNow()).toEqual({ is_active: false, disabled_reason: 'gone' });
    expect(await worker.lettersOf(worker.event.id)).toMatchObject([{ reason: 'gone' }]);
    expect(await audited()).toEqual([
      { actor_kind: 'system', action: 'endpoint.disabled', changes: [{ field: 'disabled_reason', new: 'gone' }] },
    ]);
  });

  it('is not disabled when that can not be written down', async () => {
    const delivery = await worker.leased();
    const loaded = await worker.load(delivery);
    const { db } = worker.core;
    await db.query(`ALTER TABLE audit_log ADD CONSTRAINT refuses_all CHECK (action = '') NOT VALID`);
    try {
      await expect(worker.core.store.record(report(loaded, GONE, gone()))).rejects.toMatchObject({ code: '23514' });
    } finally {
      await db.query(`ALTER TABLE audit_log DROP CONSTRAINT refuses_all`);
    }
    expect(await endpointNow()).toEqual({ is_active: true, disabled_reason: null });
    expect(await worker.stateOf(delivery)).toMatchObject({ status: 'pending' });
  });

  it('is disabled by a manual attempt as well', async () => {
    const delivery = await worker.leased({ settledStatus: 'succeeded' });
    const restored: Outcome = { kind: 'restored', status: 'succeeded', disableEndpoint: true };
    await worker.core.store.record(report(await worker.load(delivery), restored, gone()));
    expect(await endpointNow()).toEqual({ is_active: false, disabled_reason: 'gone' });
  });

  it('is left alone when it has another address by then', async () => {
    const loaded = await worker.load(await worker.leased());
    await worker.core.db.query(`UPDATE endpoints SET url = 'https://elsewhere.example.com/' WHERE id = $1`, [
      worker.endpoint.id,
    ]);
    await worker.core.store.record(report(loaded, GONE, gone()));
    expect(await endpointNow()).toEqual({ is_active: true, disabled_reason: null });
  });

  it('stays as a person has disabled it', async () => {
    const loaded = await worker.load(await worker.leased());
    await worker.core.db.query('UPDATE endpoints SET is_active = false WHERE id = $1', [worker.endpoint.id]);
    await worker.core.store.record(report(loaded, GONE, gone()));
    expect(await endpointNow()).toEqual({ is_active: false, disabled_reason: null });
    expect(await audited()).toEqual([]);
  });
});

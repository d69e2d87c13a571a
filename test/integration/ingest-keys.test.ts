import type { Submission } from '../../src/events/ingestor.js';
import { insertEndpoint, insertTenant, rowsOf, submission } from '../support/core.js';
import { countOf, idOf, IngestHarness } from '../support/ingest-harness.js';

type Event = Partial<Submission['event']>;

const ingest = IngestHarness.use();

describe('an event that was posted before', () => {
  it.each<[string, Event, string | null]>([
    ['its event_id', { eventId: 'a' }, null],
    ['its Idempotency-Key', {}, 'a'],
    ['both', { eventId: 'a' }, 'a'],
  ])('is known by %s, and gets the first answer', async (_name, event, key) => {
    const first = await ingest.post(event, key);
    await insertEndpoint(ingest.core.db, ingest.tenant.id);
    const second = await ingest.post(event, key);
    expect(second).toEqual({ ...first, kind: 'duplicate' });
    expect(await ingest.storedEvents()).toBe(1);
    expect(await ingest.deliveriesOf(idOf(first))).toHaveLength(1);
  });

  it('is a conflict with other content under the same key, which is named', async () => {
    await ingest.post({ eventId: 'a' }, 'b');
    expect(await ingest.post({ eventId: 'a', payload: '2' })).toEqual({ kind: 'conflict', key: 'event_id' });
    expect(await ingest.post({ payload: '2' }, 'b')).toEqual({ kind: 'conflict', key: 'header' });
    expect(await ingest.post({ eventType: 'order.paid' }, 'b')).toEqual({ kind: 'conflict', key: 'header' });
    expect(await ingest.storedEvents()).toBe(1);
  });

  it('is another one under the same text in the other name space, and in another tenant', async () => {
    await ingest.post({ eventId: 'same' });
    expect(await ingest.post({ payload: '2' }, 'same')).toMatchObject({ kind: 'accepted' });
    const stranger = await insertTenant(ingest.core.db);
    expect(
      await ingest.core.ingestor.submit(submission(stranger.id, { eventId: 'same', payload: '3' }, 'same')),
    ).toMatchObject({
      kind: 'accepted',
    });
  });

  it('is known within one batch: one is accepted, the others are its duplicates', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => ingest.post({ eventId: 'a' }, 'b')));
    expect(countOf(outcomes, 'accepted')).toBe(1);
    expect(countOf(outcomes, 'duplicate')).toBe(19);
    expect(new Set(outcomes.map(idOf)).size).toBe(1);
    expect(await ingest.storedEvents()).toBe(1);
  });

  it('is known between two processes that race for it', async () => {
    const other = await ingest.anotherCore();
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.all([
        ingest.post({ eventId: `race-${round}` }),
        ingest.post({ eventId: `race-${round}` }, null, other),
      ]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['accepted', 'duplicate']);
      expect(new Set(outcomes.map(idOf)).size).toBe(1);
    }
    expect(await ingest.storedEvents()).toBe(20);
  });

  it('is new again once its key has expired, and holds the key from then on', async () => {
    const first = await ingest.post({ eventId: 'a' }, 'b');
    await ingest.core.db.query(`UPDATE idempotency_keys SET expires_at = now() WHERE tenant_id = $1`, [
      ingest.tenant.id,
    ]);
    const second = await ingest.post({ eventId: 'a', payload: '2' }, 'b');
    expect(second).toMatchObject({ kind: 'accepted' });
    expect(idOf(second)).not.toBe(idOf(first));
    expect(idOf(await ingest.post({ eventId: 'a', payload: '2' }))).toBe(idOf(second));
    expect(idOf(await ingest.post({ payload: '2' }, 'b'))).toBe(idOf(second));
    const [key] = await rowsOf<{ hours: number }>(
      ingest.core.db,
      `SELECT extract(epoch FROM expires_at - now())::float8 / 3600 AS hours FROM idempotency_keys WHERE tenant_id = $1`,
      [ingest.tenant.id],
    );
    expect(key?.hours).toBeCloseTo(24, 1);
  });
});

describe('an event of whose two keys one is held', () => {
  beforeEach(() => ingest.post({}, 'held'));

  it('is a duplicate with the same content, and gives the other key back', async () => {
    expect(await ingest.post({ eventId: 'free' }, 'held')).toMatchObject({
      kind: 'duplicate',
      event: { eventId: null },
    });
    expect(await ingest.heldKeys()).toEqual(['header held']);
    expect(await ingest.post({ eventId: 'free', payload: '2' })).toMatchObject({ kind: 'accepted' });
  });

  it('is a conflict with other content, and gives the other key back', async () => {
    expect(await ingest.post({ eventId: 'free', payload: '2' }, 'held')).toEqual({ kind: 'conflict', key: 'header' });
    expect(await ingest.heldKeys()).toEqual(['header held']);
  });

  it('leaves the other key to a neighbour in the same batch', async () => {
    const outcomes = await Promise.all([
      ingest.post({ eventId: 'free', payload: '2' }, 'held'),
      ingest.post({ eventId: 'free' }),
    ]);
    expect(outcomes).toMatchObject([{ kind: 'conflict' }, { kind: 'accepted', event: { eventId: 'free' } }]);
    expect(await ingest.heldKeys()).toEqual(['event_id free', 'header held']);
  });
});

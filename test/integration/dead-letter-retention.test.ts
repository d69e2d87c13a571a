import { idBoundary, newId } from '../../src/common/ids.js';
import type { DeadLetter } from '../../src/dead-letters/dead-letter.entity.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import type { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { Core, insertEndpoint, insertTenant, rowsOf } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';

const DAY_MS = 24 * 3_600_000;

let database: TestDatabase;
let core: Core;
let endpoint: Endpoint;
beforeEach(async () => {
  database = await createTestDatabase();
  core = await Core.start(database.url, { config: { deadLetterRetentionDays: 20, retentionDays: 10 } });
  endpoint = await insertEndpoint(core.db, (await insertTenant(core.db)).id);
});
afterEach(async () => {
  await core.close();
  await database.drop();
});

const idOfAge = (days: number): string => idBoundary(Date.now() - days * DAY_MS).slice(0, 14) + newId().slice(14);

interface Dead {
  event: EventEntity;
  delivery: Delivery;
  letter: DeadLetter;
}
async function letterOfAge(days: number, values: Partial<DeadLetter> = {}): Promise<Dead> {
  const event = await seedEvent(core.db, endpoint.tenantId, { id: idOfAge(days + 1) });
  const delivery = await seedDelivery(core.db, event, endpoint.id, { id: idOfAge(days + 1), status: 'dead_letter' });
  const letter = await seedDeadLetter(core.db, event, delivery, { id: idOfAge(days), ...values });
  return { event, delivery, letter };
}
const kept = async (): Promise<string[]> =>
  (await rowsOf<{ id: string }>(core.db, 'SELECT id FROM dead_letters ORDER BY id')).map(({ id }) => id);
const removed = async (): Promise<number> => {
  const { values } = await core.part(Metrics).retentionRemoved.get();
  return values.find(({ labels }) => labels.what === 'dead_letters')?.value ?? 0;
};

describe('dead letters', () => {
  it('go when their days are over, resolved or not, and are counted', async () => {
    await letterOfAge(22);
    await letterOfAge(22, { resolvedAt: new Date(), resolution: 'resolved' });
    const young = await letterOfAge(19);
    await core.maintenance.upkeep();
    expect(await kept()).toEqual([young.letter.id]);
    expect(await removed()).toBe(2);
  });

  it('stay as long as the deliveries that they tell of, whatever is set', async () => {
    await core.close();
    core = await Core.start(database.url, { config: { deadLetterRetentionDays: 1, retentionDays: 10 } });
    const { letter } = await letterOfAge(8);
    await letterOfAge(12);
    await core.maintenance.upkeep();
    expect(await kept()).toEqual([letter.id]);
  });

  it('wait for a retry that is fed from them, and go after it', async () => {
    const { event, letter } = await letterOfAge(22);
    const retry = await seedDelivery(core.db, event, endpoint.id, { id: newId(), deadLetterId: letter.id });
    await letterOfAge(22);
    await core.maintenance.upkeep();
    expect(await kept()).toEqual([letter.id]);
    await core.db.query(`UPDATE deliveries SET status = 'succeeded', next_attempt_at = NULL WHERE id = $1`, [retry.id]);
    await core.maintenance.upkeep();
    expect(await kept()).toEqual([]);
  });

  it('stay when a retry begins while they are being removed', async () => {
    const { letter } = await letterOfAge(22);
    const retrying = core.db.createQueryRunner();
    await retrying.startTransaction();
    await retrying.query('SELECT FROM dead_letters WHERE id = $1 FOR UPDATE', [letter.id]);
    // Passes the letter by rather than wait for it.
    await core.maintenance.upkeep();
    await retrying.commitTransaction();
    await retrying.release();
    expect(await kept()).toEqual([letter.id]);
  });

  it('go however many there are', async () => {
    const { letter } = await letterOfAge(22);
    await core.db.query(
      `INSERT INTO dead_letters SELECT (jsonb_populate_record(dead_letters, jsonb_build_object(
         'id', overlay(dead_letters.id::text PLACING lpad(n::text, 12, '0') FROM 25), 'delivery_id', gen_random_uuid()))).*
       FROM dead_letters, generate_series(1, 1200) n WHERE id = $1`,
      [letter.id],
    );
    expect(await kept()).toHaveLength(1201);
    await core.maintenance.upkeep();
    expect(await kept()).toEqual([]);
    expect(await removed()).toBe(1201);
  });
});

import type { DataSource } from 'typeorm';
import { idBoundary, newId } from '../../src/common/ids.js';
import { isTransient } from '../../src/common/database-errors.js';
import { createDataSource } from '../../src/database/data-source.js';
import {
  dayOfPartition,
  dropPartition,
  ensurePartitions,
  ensurePartitionsUnlessInUse,
  PARTITIONED_TABLES,
  partitionsBefore,
  startOfDay,
} from '../../src/database/partitions.js';
import { TenantDatabase } from '../../src/database/tenant-database.js';
import { DeliveriesService } from '../../src/deliveries/deliveries.service.js';
import { loadDeliveries, type LoadedDelivery } from '../../src/delivery-worker/load.query.js';
import { recordReports } from '../../src/delivery-worker/record.query.js';
import { Rollup } from '../../src/stats/rollup.service.js';
import { Core, insertEndpoint, insertTenant, StatementLog } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';
import { seedDelivery, seedEvent } from '../support/seed.js';

const DAY_MS = 24 * 3_600_000;
const TENANT_ID = newId();

let database: TestDatabase;
let db: DataSource;
beforeEach(async () => {
  database = await createTestDatabase();
  db = await createDataSource(database.url).initialize();
});
afterEach(async () => {
  await db.destroy();
  await database.drop();
});

const dayName = (dayMs: number): string => new Date(dayMs).toISOString().slice(0, 10).replaceAll('-', '');
const partitionOf = async (table: string, id: string): Promise<string | undefined> =>
  (await db.query<{ name: string }[]>(`SELECT tableoid::regclass::text AS name FROM ${table} WHERE id = $1`, [id]))[0]
    ?.name;
const insertEvent = (id: string) => seedEvent(db, TENANT_ID, { id });
const attached = (table: string): Promise<string[]> => partitionsBefore(db, table as 'events', Infinity);
/** A random id made at that time. */
const idAt = (epochMs: number): string => idBoundary(epochMs).slice(0, 14) + newId().slice(14);

describe('partitions', () => {
  it('exist for yesterday, today and three days ahead after migrating', async () => {
    const today = startOfDay(Date.now());
    for (const table of PARTITIONED_TABLES) {
      expect(await attached(table)).toEqual([-1, 0, 1, 2, 3].map((n) => `${table}_${dayName(today + n * DAY_MS)}`));
    }
    expect(await ensurePartitions(db)).toEqual([]);
  });

  it("tell the planner that an endpoint's rows are its tenant's, also those made after migrating", async () => {
    await ensurePartitions(db, Date.now() + 10 * DAY_MS);
    const known = await db.query<{ name: string }[]>(
      `SELECT stxrelid::regclass::text AS name FROM pg_statistic_ext WHERE stxkind = '{f}'`,
    );
    expect(known.map(({ name }) => name)).toEqual(expect.arrayContaining(await attached('deliveries')));
  });

  it('are made once when processes make them at the same time', async () => {
    const nowMs = Date.now() + 10 * DAY_MS;
    const made = await Promise.all([1, 2, 3].map(() => ensurePartitions(db, nowMs)));
    const names = made.flat();
    expect(names).toHaveLength(5 * PARTITIONED_TABLES.length);
    expect(new Set(names).size).toBe(names.length);
  });

  it('are left for the next time while somebody reads all of a table, when nothing has to wait for them', async () => {
    const tomorrowMs = Date.now() + DAY_MS;
    const reader = db.createQueryRunner();
    await reader.startTransaction();
    for (const table of PARTITIONED_TABLES) await reader.query(`SELECT count(*) FROM ${table}`);
    const before = await attached('events');
    const warnings: string[] = [];
    await ensurePartitionsUnlessInUse(db, (line) => warnings.push(line), tomorrowMs);
    expect(warnings).toEqual([expect.stringContaining('in use')]);
    expect(await attached('events')).toEqual(before);
    await reader.commitTransaction();
    await reader.release();

    await ensurePartitionsUnlessInUse(db, (line) => warnings.push(line), tomorrowMs);
    expect(warnings).toHaveLength(1);
    expect(await attached('events')).toHaveLength(before.length + 1);
    await db.query('DROP TABLE events CASCADE');
    await expect(ensurePartitionsUnlessInUse(db, (line) => warnings.push(line))).rejects.toThrow('events');
  });

  it('take the first id of a day and the last one of the day before where they belong', async () => {
    const tomorrow = startOfDay(Date.now()) + DAY_MS;
    const first = idBoundary(tomorrow);
    const last = `${idBoundary(tomorrow - 1).slice(0, 14)}7fff-bfff-ffffffffffff`.replace('-00007', '-7');
    await insertEvent(first);
    await insertEvent(last);
    expect(await partitionOf('events', first)).toBe(`events_${dayName(tomorrow)}`);
    expect(await partitionOf('events', last)).toBe(`events_${dayName(tomorrow - DAY_MS)}`);
  });

  it('take over what the default partition caught while they were missing', async () => {
    const nowMs = Date.now() + 20 * DAY_MS;
    const ids = [idAt(nowMs), idAt(nowMs + DAY_MS)];
    for (const id of ids) await insertEvent(id);
    expect(await partitionOf('events', ids[0] as string)).toBe('events_default');
    await ensurePartitions(db, nowMs);
    expect(await partitionOf('events', ids[0] as string)).toBe(`events_${dayName(nowMs)}`);
    expect(await partitionOf('events', ids[1] as string)).toBe(`events_${dayName(nowMs + DAY_MS)}`);
    expect(await db.query('SELECT count(*)::int AS n FROM events')).toEqual([{ n: 2 }]);
  });

  it('are made while events keep coming into the default partition, and none of those is lost', async () => {
    const nowMs = Date.now() + 20 * DAY_MS;
    let stop = false;
    let inserted = 0;
    const writer = async (): Promise<void> => {
      while (!stop) {
        await insertEvent(idAt(nowMs));
        inserted++;
      }
    };
    const writers = [writer(), writer(), writer()];
    await waitFor(() => inserted > 20, { what: 'some events in the default partition' });
    const made = await ensurePartitions(db, nowMs).finally(() => (stop = true));
    await Promise.all(writers);
    expect(made).toContain(`events_${dayName(nowMs)}`);
    const spread = await db.query<{ name: string; n: number }[]>(
      `SELECT tableoid::regclass::text AS name, count(*)::int AS n FROM events GROUP BY 1`,
    );
    expect(spread).toEqual([{ name: `events_${dayName(nowMs)}`, n: inserted }]);
  });

  it('are made for days long past whose rows the default partition holds, so that retention reaches those', async () => {
    const past = Date.now() - 9 * DAY_MS;
    const id = idAt(past);
    await insertEvent(id);
    expect(await partitionOf('events', id)).toBe('events_default');
    expect(await ensurePartitions(db)).toEqual([`events_${dayName(past)}`]);
    expect(await partitionOf('events', id)).toBe(`events_${dayName(past)}`);
  });

  it('are told from the default one by their names, with their days', () => {
    expect(dayOfPartition('delivery_attempts_20260228')).toBe(Date.UTC(2026, 1, 28));
    expect(dayOfPartition('events_default')).toBeNull();
  });

  it('count as old only when their whole day is', async () => {
    const today = startOfDay(Date.now());
    expect(await partitionsBefore(db, 'events', today)).toEqual([`events_${dayName(today - DAY_MS)}`]);
    expect(await partitionsBefore(db, 'events', today - 1)).toEqual([]);
  });
});

describe('dropping a partition', () => {
  it('gives up while somebody reads it, breaks nothing, and works afterwards', async () => {
    const [name = ''] = await attached('events');
    const id = newId();
    await insertEvent(id);
    const reader = db.createQueryRunner();
    await reader.startTransaction();
    await reader.query('SELECT count(*) FROM events');
    const failure = await dropPartition(db, name).then(
      () => null,
      (error: unknown) => error,
    );
    expect(isTransient(failure)).toBe(true);
    await insertEvent(newId());
    await reader.commitTransaction();
    await reader.release();
    expect(await attached('events')).toContain(name);

    await dropPartition(db, name);
    expect(await attached('events')).not.toContain(name);
    expect(await partitionOf('events', id)).toBeDefined();
    await dropPartition(db, name);
  });
});

describe('pruning', () => {
  let core: Core;
  let delivery: LoadedDelivery;
  let log: StatementLog;
  beforeEach(async () => {
    core = await Core.start(database.url);
    const tenant = await insertTenant(db);
    const endpoint = await insertEndpoint(db, tenant.id);
    const event = await seedEvent(db, tenant.id);
    const { id } = await seedDelivery(db, event, endpoint.id, {
      leaseNo: 1,
      leasedUntil: new Date(Date.now() + 60_000),
    });
    log = StatementLog.on(core.db);
    const loaded = await loadDeliveries(core.db, [
      { deliveryId: id, eventId: event.id, endpointId: endpoint.id, leaseNo: 1 },
    ]);
    delivery = loaded.get(id) as LoadedDelivery;
  });
  afterEach(() => core.close());

  /** The partitions that a statement would touch, as the planner says of that very statement. */
  async function partitionsTouchedBy(statement: { sql: string; parameters: unknown[] }): Promise<string[]> {
    const rows = await db.query<{ 'QUERY PLAN': string }[]>(`EXPLAIN ${statement.sql}`, statement.parameters);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    const names = plan.matchAll(/\b(?:events|deliveries|delivery_attempts)_(?:default|\d{8})\b(?!_)/g);
    return [...new Set([...names].map(([name]) => name))].sort();
  }

  it('leaves the look-up of a job one partition of deliveries and one of events', async () => {
    const today = dayName(startOfDay(Date.now()));
    expect(await partitionsTouchedBy(log.last('FROM deliveries WHERE id = ANY'))).toEqual([`deliveries_${today}`]);
    expect(await partitionsTouchedBy(log.last('FROM events WHERE id = ANY'))).toEqual([`events_${today}`]);
  });

  it("leaves the writing of an outcome one partition of deliveries, and a dead letter's none from before the event", async () => {
    const today = dayName(startOfDay(Date.now()));
    const outcome = { kind: 'dead_letter' as const, reason: 'expired' as const, disableEndpoint: false };
    await recordReports(core.db, [{ delivery, outcome, attempt: null, maxAttempts: 7 }]);
    const update = await partitionsTouchedBy(log.last('UPDATE deliveries d SET'));
    expect(update.filter((name) => name.startsWith('deliveries'))).toEqual([`deliveries_${today}`]);
    const letter = await partitionsTouchedBy(log.last('INSERT INTO dead_letters'));
    expect(letter.filter((name) => name.startsWith('events'))).toEqual([`events_${today}`]);
    // Of the days from the event's on, as a replay may have made a delivery of it on any.
    expect(letter).toContain(`deliveries_${today}`);
    expect(letter.filter((name) => name.startsWith('deliveries_2') && name < `deliveries_${today}`)).toEqual([]);
  });

  it('spares a look-up of children the days before their parent', async () => {
    const today = dayName(startOfDay(Date.now()));
    await new DeliveriesService(new TenantDatabase(core.db), core.part(Rollup)).attempts(
      delivery.tenant_id,
      delivery.id,
      {
        limit: 50,
      },
    );
    const touched = await partitionsTouchedBy(log.last('"delivery_attempts" "attempt"'));
    const yesterday = dayName(startOfDay(Date.now()) - DAY_MS);
    expect(touched).toContain(`delivery_attempts_${today}`);
    expect(touched).not.toContain(`delivery_attempts_${yesterday}`);
  });
});

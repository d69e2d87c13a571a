import type { DataSource } from 'typeorm';
import { newId } from '../../src/common/ids.js';
import { HealthService } from '../../src/health/health.service.js';
import { countInstallation, MAX_COUNTED } from '../../src/metrics/count-installation.query.js';
import { InstallationMetrics } from '../../src/metrics/installation-metrics.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { Core, insertEndpoint, insertTenant } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let core: Core;
beforeEach(async () => {
  database = await createTestDatabase();
  core = await Core.start(database.url);
});
afterEach(async () => {
  await core.close();
  await database.drop();
});

/** Series by name and labels. */
async function scrape(): Promise<Map<string, number>> {
  await core.part(InstallationMetrics).refresh();
  const text = await core.part(Metrics).registry.metrics();
  const lines = text.split('\n').filter((line) => /^webhook_/.test(line));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

interface Pending {
  dueInSeconds?: number;
  leasedForSeconds?: number;
  heldBy?: string;
}

async function insertPending(db: DataSource, rows: Pending[], count = 1): Promise<void> {
  const tenant = await insertTenant(db);
  const endpoint = await insertEndpoint(db, tenant.id);
  for (const { dueInSeconds = null, leasedForSeconds = null, heldBy = null } of rows) {
    await db.query(
      `INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, held_by, next_attempt_at, leased_until)
       SELECT overlay($1::text PLACING lpad(to_hex(n), 6, '0') FROM 31)::uuid, $2, $3, $4, 'a', 5, $5,
         now() + make_interval(secs => $6), now() + make_interval(secs => $7)
       FROM generate_series(1, $8::int) n`,
      [newId(), tenant.id, newId(), endpoint.id, heldBy, dueInSeconds, leasedForSeconds, count],
    );
  }
}

const insertDeadLetters = (db: DataSource, tenantId: string, resolved: boolean, count: number): Promise<unknown> =>
  db.query(
    `INSERT INTO dead_letters (id, tenant_id, delivery_id, event_id, endpoint_id, event_type, payload, traceparent,
       event_created_at, reason, attempts, resolved_at)
     SELECT gen_random_uuid(), $1, gen_random_uuid(), $2, $2, 'a', '{}', '', now(), 'gone', 1, CASE WHEN $3 THEN now() END
     FROM generate_series(1, $4::int)`,
    [tenantId, newId(), resolved, count],
  );

describe('metrics of the whole installation', () => {
  it('are zeroes, not gaps, where nothing is', async () => {
    const series = await scrape();
    for (const name of [
      'webhook_dlq_size',
      'webhook_oldest_due_delivery_age_seconds',
      'webhook_backlog_deliveries{state="due"}',
      'webhook_circuits{state="open"}',
      'webhook_replays_running',
    ]) {
      expect([name, series.get(name)]).toEqual([name, 0]);
    }
    expect(series.get('webhook_installation_read_success')).toBe(1);
    expect(series.get('webhook_ready')).toBe(1);
    expect(series.get('webhook_partitions{table="events"}')).toBeGreaterThan(4);
    // The day may have turned since the partitions were made.
    for (const table of ['events', 'deliveries', 'delivery_attempts']) {
      expect([2, 3]).toContain(series.get(`webhook_partitions_ahead_days{table="${table}"}`));
    }
    expect(series.get('webhook_queue_jobs{state="waiting"}')).toBe(0);
  });

  it('count pending deliveries where they stand, each once', async () => {
    await insertPending(core.db, [
      { dueInSeconds: -90 },
      { dueInSeconds: -1 },
      { dueInSeconds: 60 },
      { dueInSeconds: 60, heldBy: 'rate_limit' },
      { dueInSeconds: -1, leasedForSeconds: 30 },
      { heldBy: 'circuit' },
      { heldBy: 'fairness' },
      { heldBy: 'fairness' },
      { heldBy: 'suspended' },
    ]);
    await core.db.query(`UPDATE deliveries SET status = 'succeeded', held_by = NULL WHERE held_by = 'suspended'`);
    const series = await scrape();
    const backlog = [...series].filter(([name]) => name.startsWith('webhook_backlog_deliveries'));
    expect(Object.fromEntries(backlog.map(([name, count]) => [/\{(.*)\}/.exec(name)?.[1], count]))).toEqual({
      'state="due"': 2,
      'state="scheduled"': 2,
      'state="leased"': 1,
      'state="held",held_by="circuit"': 1,
      'state="held",held_by="disabled"': 0,
      'state="held",held_by="suspended"': 0,
      'state="held",held_by="fairness"': 2,
    });
    const age = series.get('webhook_oldest_due_delivery_age_seconds');
    expect(age).toBeGreaterThanOrEqual(90);
    expect(age).toBeLessThan(120);
  });

  it('take one that is in the queue for due: nobody may be there to make its attempt', async () => {
    await insertPending(core.db, [{ dueInSeconds: -45, leasedForSeconds: 15 }]);
    expect((await scrape()).get('webhook_oldest_due_delivery_age_seconds')).toBeGreaterThanOrEqual(45);
  });

  it('count dead letters that wait for somebody', async () => {
    const tenant = await insertTenant(core.db);
    await insertDeadLetters(core.db, tenant.id, false, 3);
    await insertDeadLetters(core.db, tenant.id, true, 2);
    expect((await scrape()).get('webhook_dlq_size')).toBe(3);
  });

  it('tell more than they count by estimate', async () => {
    await insertPending(core.db, [{ heldBy: 'fairness' }], MAX_COUNTED * 2);
    await insertDeadLetters(core.db, (await insertTenant(core.db)).id, false, MAX_COUNTED * 2);
    await core.db.query('ANALYZE deliveries, dead_letters');
    const series = await scrape();
    for (const name of ['webhook_dlq_size', 'webhook_backlog_deliveries{state="held",held_by="fairness"}']) {
      expect(series.get(name)).toBeGreaterThan(MAX_COUNTED * 1.8);
      expect(series.get(name)).toBeLessThan(MAX_COUNTED * 2.2);
    }
  });

  it('read no table from end to end', async () => {
    const plans: string[] = [];
    const db = {
      query: async (sql: string, values: unknown[]) => {
        const rows: { 'QUERY PLAN': string }[] = await core.db.query(`EXPLAIN ${sql}`, values);
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return core.db.query<unknown>(sql, values);
      },
    } as unknown as DataSource;
    await insertPending(core.db, [{ dueInSeconds: -1 }], 2_000);
    await core.db.query(`UPDATE deliveries SET status = 'succeeded', next_attempt_at = NULL`);
    await insertDeadLetters(core.db, (await insertTenant(core.db)).id, true, 2_000);
    await core.db.query('VACUUM ANALYZE deliveries, dead_letters');
    await countInstallation(db, 60);
    expect(plans).toHaveLength(1);
    // A partition without rows costs nothing either way.
    expect(plans[0]).not.toMatch(/Seq Scan on (deliveries_\d|dead_letters)[^(]*\(cost=\d+\.\d+\.\.(?!0\.00)/);
  });

  it('are left out, and say so, while PostgreSQL does not answer', async () => {
    await scrape();
    const metrics = new Metrics();
    const away = { query: () => Promise.reject(new Error('away')) } as unknown as DataSource;
    const installation = new InstallationMetrics(
      metrics,
      away,
      null,
      core.queue,
      new HealthService(away, null),
      core.config,
    );
    await installation.refresh();
    const lines = (await metrics.registry.metrics()).split('\n');
    expect(lines).toContain('webhook_installation_read_success 0');
    expect(lines).toContain('webhook_ready 0');
    expect(lines.filter((line) => /^webhook_(dlq_size|backlog_deliveries|oldest_due)/.test(line))).toEqual([]);
  });
});

import { leasedById } from '../../src/deliveries/leased-by-id.js';
import { rowsOf } from '../support/core.js';
import { WorkerHarness } from '../support/worker-harness.js';

const worker = WorkerHarness.use();

const SETTLED = 3_000;
const LEASED = 40;

/** Leases like this one, of which all but a few are settled then: their entries stay in the index of the leased ones. */
async function settleMany(id: string): Promise<void> {
  const { db } = worker.core;
  const columns = await rowsOf<{ name: string }>(
    db,
    `SELECT quote_ident(column_name) AS name FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name = 'deliveries' AND column_name <> 'id'`,
  );
  const others = columns.map(({ name }) => name).join(', ');
  // In the same partition, and after it.
  await db.query(
    `INSERT INTO deliveries (id, ${others})
     SELECT overlay(id::text PLACING 'f' || lpad(n::text, 11, '0') FROM 25)::uuid, ${others}
     FROM deliveries CROSS JOIN generate_series(1, $2) n WHERE id = $1`,
    [id, SETTLED + LEASED],
  );
  await db.query(
    `UPDATE deliveries SET status = 'succeeded', leased_until = NULL, completed_at = now()
     WHERE id IN (SELECT id FROM deliveries ORDER BY id LIMIT $1)`,
    [SETTLED],
  );
  await db.query('ANALYZE deliveries');
}

async function planOf(condition: string, ids: string[]): Promise<string> {
  const plan = await rowsOf<{ 'QUERY PLAN': string }>(
    worker.core.db,
    `EXPLAIN UPDATE deliveries d SET lease_no = lease_no WHERE ${condition}`,
    [ids, ids[0]],
  );
  return plan.map((row) => row['QUERY PLAN']).join('\n');
}

it('finds leased deliveries by the primary key, past the index that is full of settled ones', async () => {
  await settleMany((await worker.leased()).id);
  const leased = await rowsOf<{ id: string }>(
    worker.core.db,
    `SELECT id FROM deliveries WHERE status = 'pending' ORDER BY id`,
  );
  const ids = leased.map(({ id }) => id);
  expect(ids.length).toBeGreaterThanOrEqual(LEASED);

  expect(await planOf(leasedById('$1', '$2'), ids)).toMatch(/Index Scan using deliveries_\d+_pkey/);
  // What it is there for: without it this would hold as well.
  const plainly = `d.id = ANY($1::uuid[]) AND d.id >= $2 AND d.status = 'pending' AND d.leased_until IS NOT NULL`;
  expect(await planOf(plainly, ids)).toMatch(/using deliveries_\d+_leased_until\w*/);
});

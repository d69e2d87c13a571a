import { SYSTEM } from '../../src/audit/actor.js';
import { recordAction } from '../../src/audit/record-action.query.js';
import { idBoundary, newId } from '../../src/common/ids.js';
import { Core, insertTenant } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const DAY_MS = 24 * 3_600_000;
/** What PostgreSQL says where the trigger refuses. */
const REFUSED = { code: '23001' };

let database: TestDatabase;
let core: Core;
beforeEach(async () => {
  database = await createTestDatabase();
  core = await Core.start(database.url, { config: { auditRetentionDays: 100 } });
});
afterEach(async () => {
  await core.close();
  await database.drop();
});

async function entryOfAge(days: number): Promise<string> {
  const id = idBoundary(Date.now() - days * DAY_MS).slice(0, 14) + newId().slice(14);
  await core.db.query(
    `INSERT INTO audit_log (id, at, actor_kind, action, subject_kind, subject_id)
     VALUES ($1, now() - make_interval(days => $2), 'system', 'endpoint.disabled', 'endpoint', $1)`,
    [id, days],
  );
  return id;
}
const ids = async (): Promise<string[]> =>
  (await core.db.query<{ id: string }[]>(`SELECT id FROM audit_log ORDER BY id`)).map(({ id }) => id);

describe('the audit log', () => {
  it.each([
    `UPDATE audit_log SET ip = 'x'`,
    `UPDATE audit_log SET changes = '[]'`,
    `DELETE FROM audit_log`,
    `TRUNCATE audit_log`,
    `INSERT INTO audit_log SELECT * FROM audit_log ON CONFLICT (id) DO UPDATE SET ip = 'x'`,
  ])('can be added to but not changed, by the owner of the table either: %s', async (statement) => {
    const id = await entryOfAge(400);
    await expect(core.db.query(statement)).rejects.toMatchObject(REFUSED);
    expect(await ids()).toEqual([id]);
  });

  it('keeps the last thirty days, whoever claims to be retention', async () => {
    const [old, recent] = [await entryOfAge(31), await entryOfAge(29)];
    const claim = (statement: string): Promise<unknown> =>
      core.db.transaction(async (manager) => {
        await manager.query(`SET LOCAL posthaste.audit_retention = 'on'`);
        return manager.query<unknown>(statement);
      });
    await expect(claim('DELETE FROM audit_log')).rejects.toMatchObject(REFUSED);
    await expect(claim(`UPDATE audit_log SET ip = 'x'`)).rejects.toMatchObject(REFUSED);
    await expect(claim('TRUNCATE audit_log')).rejects.toMatchObject(REFUSED);
    expect(await ids()).toEqual([old, recent]);
  });

  it('loses with the upkeep what is older than its days, and nothing else', async () => {
    await entryOfAge(101);
    const kept = [await entryOfAge(99), await entryOfAge(1)];
    await core.maintenance.upkeep();
    expect(await ids()).toEqual(kept);
    // The claim was the transaction's, not the connection's.
    await expect(core.db.query('DELETE FROM audit_log')).rejects.toMatchObject(REFUSED);
  });

  it('keeps what it says of a tenant that is removed', async () => {
    const tenant = await insertTenant(core.db);
    const action = { tenantId: tenant.id, action: 'tenant.deleted', subjectId: tenant.id } as const;
    await recordAction(core.db.manager, SYSTEM, action);
    await core.db.query(`DELETE FROM tenants WHERE id = $1`, [tenant.id]);
    await core.db.query(`INSERT INTO tenant_removals (tenant_id) VALUES ($1)`, [tenant.id]);
    await core.maintenance.upkeep();
    expect(await ids()).toHaveLength(1);
  });
});

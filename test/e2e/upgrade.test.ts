import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { givingWay } from '../../src/database/migrate-database.js';
import { withMigrationLock } from '../../src/database/migration-lock.js';
import { describeBackends } from '../support/backends.js';
import { HookServer } from '../support/hook-server.js';
import { errorLines, startPosthaste, type Posthaste } from '../support/posthaste.js';
import { stopAllProcesses, waitFor } from '../support/processes.js';

/** As docs/upgrading.md wants them: of the version after this one, which the running processes know nothing of. */
class NextVersion4102444800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE events ADD COLUMN region text NOT NULL DEFAULT 'eu'`);
    await runner.query(`ALTER TABLE deliveries ADD COLUMN note text`);
    await runner.query(`ALTER TABLE delivery_attempts ADD COLUMN note text`);
    await runner.query(`ALTER TABLE endpoints ADD COLUMN note text, ADD COLUMN weight int NOT NULL DEFAULT 1`);
    await runner.query(`ALTER TABLE endpoints ADD CONSTRAINT endpoints_weight_check CHECK (weight > 0) NOT VALID`);
    await runner.query(`ALTER TABLE endpoints VALIDATE CONSTRAINT endpoints_weight_check`);
    await runner.query(`CREATE TABLE regions (id text PRIMARY KEY)`);
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE regions`);
    await runner.query(`ALTER TABLE endpoints DROP COLUMN weight, DROP COLUMN note`);
    await runner.query(`ALTER TABLE delivery_attempts DROP COLUMN note`);
    await runner.query(`ALTER TABLE deliveries DROP COLUMN note`);
    await runner.query(`ALTER TABLE events DROP COLUMN region`);
  }
}

describeBackends('an upgrade', (backend) => {
  let posthaste: Posthaste;
  let hooks: HookServer;
  beforeAll(async () => {
    hooks = await HookServer.start();
    posthaste = await startPosthaste({ backend });
  });
  afterAll(async () => {
    await posthaste?.stop();
    await hooks?.close();
    await stopAllProcesses();
  });

  it('migrates beside processes that publish and deliver, and back, without an error or a loss', async () => {
    const tenant = await posthaste.operator.createTenant();
    await tenant.createEndpoint(hooks.url('/in'));
    const published: string[] = [];
    let isOver = false;
    const publishing = Promise.all(
      [0, 1, 2, 3].map(async (lane) => {
        // Throws at anything but 202.
        while (!isOver) published.push((await tenant.publish({ payload: { lane, n: published.length } })).id);
      }),
    );
    publishing.catch(() => undefined);

    const options = dataSourceOptions(posthaste.databaseUrl, 2, { statementTimeoutMs: 0, lockTimeoutMs: 5_000 });
    const next = new DataSource({ ...options, migrations: [NextVersion4102444800000] });
    await next.initialize();
    const ignore = (): void => undefined;
    const migrated = (): Promise<unknown[]> =>
      withMigrationLock(
        posthaste.databaseUrl,
        () => undefined,
        () => givingWay(ignore, () => next.runMigrations()),
      );
    const atLeast = (count: number): Promise<void> =>
      waitFor(() => published.length >= count, { what: `${count} events` });
    try {
      await atLeast(20);
      for (let round = 1; round <= 3; round += 1) {
        expect(await migrated()).toHaveLength(1);
        await atLeast(published.length + 20);
        await givingWay(ignore, () => next.undoLastMigration());
        await atLeast(published.length + 20);
      }
      expect(await migrated()).toHaveLength(1);
      // Going back after a failed upgrade: a version that doesn't know the newest migration starts, and works.
      const old = await posthaste.startApi();
      await posthaste.startWorker();
      published.push((await tenant.at(old.url).publish({ payload: {} })).id);
      await atLeast(published.length + 20);
    } finally {
      isOver = true;
      await next.destroy();
    }
    await publishing;
    const received = (): Set<unknown> => new Set(hooks.at('/in').map(({ headers }) => headers['webhook-id']));
    await waitFor(() => received().size >= published.length, { what: 'all to be delivered' });
    expect([...received()].sort()).toEqual([...published].sort());
    const rows = await posthaste.query<{ attempts: number }>(
      `SELECT count(*)::int AS attempts FROM delivery_attempts WHERE outcome <> 'succeeded'`,
    );
    expect(rows).toEqual([{ attempts: 0 }]);
    expect(errorLines(posthaste.logs())).toEqual([]);
  });
});

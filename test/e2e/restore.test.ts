import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { migrateDatabase } from '../../src/database/migrate-database.js';
import { HookServer } from '../support/hook-server.js';
import { startPosthaste, type Posthaste } from '../support/posthaste.js';
import { stopAllProcesses, waitFor } from '../support/processes.js';
import { redisBinary, startRedis, type TestRedis } from '../support/redis-server.js';
import { startSystemPostgres, systemPostgres, type SystemPostgres } from '../support/system-postgres.js';
import { makeTempFolder } from '../support/temp-folder.js';

const EVENTS = 40;
const bin = systemPostgres();

if (bin === undefined || redisBinary() === undefined) {
  it.skip('a backup is restored (skipped: apt-get install postgresql redis-server)', () => undefined);
} else {
  describe('a backup that is restored', () => {
    let postgres: SystemPostgres;
    let redis: TestRedis;
    let hooks: HookServer;
    let folder: string;
    const running: Posthaste[] = [];
    beforeAll(async () => {
      folder = makeTempFolder();
      [postgres, redis, hooks] = await Promise.all([startSystemPostgres(bin), startRedis(), HookServer.start()]);
    });
    afterAll(async () => {
      await Promise.all(running.map((posthaste) => posthaste.stop()));
      await stopAllProcesses();
      await hooks?.close();
      await redis?.stop();
      await postgres?.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    const start = async (options: Partial<Parameters<typeof startPosthaste>[0]>): Promise<Posthaste> => {
      const posthaste = await startPosthaste({ backend: 'redis', redisUrl: redis.url, ...options });
      running.push(posthaste);
      return posthaste;
    };

    it('delivers all that was pending, though the queue is gone, and knows what was sent', async () => {
      const original = await postgres.createDatabase('original');
      await migrateDatabase(original);
      // Nobody delivers: what is published is in the queue, or waits for a place in it.
      const before = await start({ databaseUrl: original, workers: 0 });
      const tenant = await before.operator.createTenant();
      const { secret } = await tenant.createEndpoint(hooks.url('/in'));
      const published: string[] = [];
      for (let n = 0; n < EVENTS; n += 1) {
        published.push(
          (await tenant.publish({ event_type: 'order.created', payload: { n } }, { 'idempotency-key': `key-${n}` })).id,
        );
      }
      const file = join(folder, 'posthaste.dump');
      const url = (name: string): string => original.replace(/original$/, name);
      execFileSync(join(postgres.bin, 'pg_dump'), ['--format=custom', `--file=${file}`, original]);
      await before.stop();
      running.splice(running.indexOf(before), 1);

      // Another database, and a Redis that knows of nothing.
      const restored = await postgres.createDatabase('restored');
      expect(restored).toBe(url('restored'));
      execFileSync(join(postgres.bin, 'pg_restore'), ['--exit-on-error', '--no-owner', `--dbname=${restored}`, file]);
      expect(await migrateDatabase(restored)).toEqual([]);
      await redis.stop();
      redis = await startRedis({ port: redis.port });
      const after = await start({
        databaseUrl: restored,
        redisUrl: redis.url,
        encryptionKey: before.encryptionKey,
        env: { LEASE_SECONDS: '5' },
      });

      await waitFor(() => new Set(hooks.at('/in').map(({ headers }) => headers['webhook-id'])).size === EVENTS, {
        what: 'everything that was pending',
      });
      const ids = hooks.at('/in').map(({ headers }) => headers['webhook-id']);
      expect([...ids].sort()).toEqual([...published].sort());
      const survivor = tenant.at(after.url);
      const [delivery] = await survivor.settled(published[0] ?? '');
      expect(delivery?.status).toBe('succeeded');
      // Idempotency keys, signing secrets and API keys came along.
      const again = await survivor.publish(
        { event_type: 'order.created', payload: { n: 0 } },
        { 'idempotency-key': 'key-0' },
      );
      expect(again).toMatchObject({ id: published[0], duplicate: true });
      expect(secret).toMatch(/^whsec_/);
    }, 400_000);
  });
}

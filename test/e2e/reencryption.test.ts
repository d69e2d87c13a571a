import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import type { EndpointBody, TenantClient } from '../support/api-client.js';
import { HookServer, type ReceivedHook } from '../support/hook-server.js';
import { errorLines, roleScript, startPosthaste, type Posthaste } from '../support/posthaste.js';
import { startNode, waitFor, type NodeProcess } from '../support/processes.js';

const NEW_KEY = randomBytes(32).toString('base64');

describe('npm run secrets:reencrypt, beside an installation at work', () => {
  let posthaste: Posthaste;
  let hooks: HookServer;
  let tenant: TenantClient;
  let endpoints: EndpointBody[];
  beforeAll(async () => {
    hooks = await HookServer.start();
    // Step 1 of the change: every process already opens what the new key will seal.
    posthaste = await startPosthaste({ backend: 'postgres', env: { ENCRYPTION_KEYS_RETIRED: NEW_KEY } });
    tenant = await posthaste.operator.createTenant();
    endpoints = [];
    for (let count = 0; count < 5; count += 1) {
      endpoints.push(await tenant.createEndpoint(hooks.url(`/${count}`), { headers: { 'x-token': `token-${count}` } }));
    }
  });
  afterAll(async () => {
    await posthaste?.stop();
    await hooks?.close();
  });

  const reencrypt = (...args: string[]): NodeProcess =>
    startNode(roleScript('reencrypt.js'), {
      args,
      env: {
        DATABASE_URL: posthaste.databaseUrl,
        ADMIN_API_KEY: posthaste.adminKey,
        ENCRYPTION_KEY: NEW_KEY,
        ENCRYPTION_KEYS_RETIRED: posthaste.encryptionKey,
        REDIS_URL: undefined,
      },
    });
  const isBlocked = async (): Promise<boolean> =>
    (
      await posthaste.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
    ).length > 0;
  const keyIds = async (): Promise<Record<string, number>> => {
    const rows = await posthaste.query<{ id: string; count: number }>(
      `SELECT split_part(sealed, '.', 2) AS id, count(*)::int AS count
       FROM (SELECT secret_sealed AS sealed FROM endpoints UNION ALL SELECT secret_key_sealed FROM tenants) AS all_sealed
       GROUP BY 1`,
    );
    return Object.fromEntries(rows.map(({ id, count }) => [id, count]));
  };

  async function expectDelivered(client: TenantClient): Promise<void> {
    const event = await client.publish({ payload: { at: randomBytes(4).toString('hex') } });
    const deliveries = await client.settled(event.id);
    expect(deliveries.map(({ status }) => status)).toEqual(endpoints.map(() => 'succeeded'));
    for (const [index, { secret }] of endpoints.entries()) {
      const hook = hooks.at(`/${index}`).find(({ headers }) => headers['webhook-id'] === event.id) as ReceivedHook;
      expect(hook.headers['x-token']).toBe(`token-${index}`);
      const verify = (): unknown =>
        new Webhook(secret ?? '').verify(hook.body.toString(), hook.headers as Record<string, string>);
      expect(verify).not.toThrow();
    }
  }

  it('survives being killed in the middle, is done when run again, and the old key can go', async () => {
    const [oldId = ''] = Object.keys(await keyIds());
    const dry = reencrypt('--dry-run');
    expect(await dry.exited).toMatchObject({ code: 0 });
    expect(dry.logs()).toContain('endpoints.headers_sealed: 5 to re-encrypt, 0 unreadable');
    expect(await keyIds()).toEqual({ [oldId]: 6 });

    // Somebody holds one of the endpoints, so that it gets as far as these and no further.
    const holder = new pg.Client({ connectionString: posthaste.databaseUrl });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM endpoints WHERE id = $1 FOR UPDATE', [endpoints[4]?.id]);
    const killed = reencrypt();
    await waitFor(async () => Object.keys(await keyIds()).length === 2 && (await isBlocked()), {
      what: 'the second column',
    });
    await killed.kill();
    // PostgreSQL would notice only once it has the lock, and finish the statement.
    await posthaste.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    await holder.query('ROLLBACK');
    await holder.end();
    const newId = Object.keys(await keyIds()).find((id) => id !== oldId) ?? '';
    expect(await keyIds()).toEqual({ [oldId]: 5, [newId]: 1 });
    await expectDelivered(tenant);

    const again = reencrypt();
    expect(await again.exited).toMatchObject({ code: 0 });
    expect(again.logs()).toContain('endpoints.secret_sealed: 5 re-encrypted, 0 unreadable');
    expect(again.logs()).toContain(`Everything is sealed with key ${newId}: the retired keys can go.`);
    expect(await keyIds()).toEqual({ [newId]: 6 });
    // The processes that seal with the old key still open all of it.
    await expectDelivered(tenant);

    const onlyNew = { ENCRYPTION_KEY: NEW_KEY, ENCRYPTION_KEYS_RETIRED: undefined };
    const api = await posthaste.startApi(onlyNew);
    await posthaste.startWorker(onlyNew);
    await posthaste.apis[0]?.stop();
    await posthaste.workers[0]?.stop();
    await expectDelivered(tenant.at(api.url));
    expect(errorLines(posthaste.logs())).toEqual([]);
  });

  it('tells what it can not open, without a word of it, and ends with 1', async () => {
    await posthaste.query(`UPDATE endpoints SET headers_sealed = 'v1.00000000.AAAA' WHERE id = $1`, [endpoints[0]?.id]);
    const run = reencrypt();
    expect(await run.exited).toMatchObject({ code: 1 });
    expect(run.logs()).toContain(`no known key opens those of ${endpoints[0]?.id}`);
    expect(run.logs()).toContain('Keep the retired keys.');
    expect(run.logs()).not.toContain('AAAA');
  });

  it('refuses an argument that it does not know', async () => {
    const run = reencrypt('--dryrun');
    expect(await run.exited).toMatchObject({ code: 1 });
    expect(run.logs()).toContain('Unknown argument --dryrun');
  });
});

import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { databaseUrl } from '../support/database.js';
import { createTestDatabase } from '../support/database.js';
import { gate, HookServer } from '../support/hook-server.js';
import { assertBuilt, errorLines, roleScript, startPosthaste, UNSET } from '../support/posthaste.js';
import { freePort, startNode, stopAllProcesses, waitFor } from '../support/processes.js';
import { withClient } from '../../src/embedded/postmaster.js';

const ROLES = ['main.js', 'worker.js'] as const;
type RoleFile = (typeof ROLES)[number];

const BASE = {
  ...UNSET,
  ADMIN_API_KEY: 'pha_operator-key-of-the-tests',
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
};

/** Starts a role that is to refuse, and answers what it printed. */
async function refusal(file: RoleFile, env: Record<string, string | undefined>): Promise<string> {
  const role = startNode(roleScript(file), { env: { ...BASE, PORT: '0', WORKER_PORT: '0', ...env } });
  expect(await role.exited).toEqual({ code: 1, signal: null });
  await waitFor(() => role.logs() !== '', { what: 'its line' });
  return role.logs();
}

beforeAll(assertBuilt);
afterAll(stopAllProcesses);

describe.each(ROLES)('%s refuses to start, and says why', (file) => {
  it('without DATABASE_URL', async () => {
    expect(await refusal(file, {})).toMatch(/^DATABASE_URL: is required .*\n$/);
  });

  it('where nothing answers at DATABASE_URL, without showing the password', async () => {
    const line = await refusal(file, { DATABASE_URL: `postgres://me:hunter2@127.0.0.1:${await freePort()}/hooks` });
    expect(line).toMatch(/^PostgreSQL does not answer at DATABASE_URL: .*ECONNREFUSED.*\n$/);
    expect(line).not.toContain('hunter2');
  });

  it('with bad settings, each of them named on a line of its own', async () => {
    const lines = await refusal(file, {
      DATABASE_URL: 'mysql://127.0.0.1/hooks',
      REDIS_URL: 'http://127.0.0.1',
      ENCRYPTION_KEY: 'c2hvcnQ=',
      ADMIN_API_KEY: 'short',
      RETENTION_DAYS: 'a month',
      ALLOWED_PRIVATE_CIDRS: '10.0.0.0/33',
      DEFAULT_RETRY_POLICY: '{"preset":"never"}',
      LOG_LEVEL: 'loud',
      QUEUE_PREFIX: 'a:b',
    });
    const names = lines
      .trim()
      .split('\n')
      .map((line) => /^[A-Z_]+(?=: )/.exec(line)?.[0]);
    expect(names.sort()).toEqual([
      'ADMIN_API_KEY',
      'ALLOWED_PRIVATE_CIDRS',
      'DATABASE_URL',
      'DEFAULT_RETRY_POLICY',
      'ENCRYPTION_KEY',
      'LOG_LEVEL',
      'QUEUE_PREFIX',
      'REDIS_URL',
      'RETENTION_DAYS',
    ]);
  });

  it('with pending migrations', async () => {
    const name = `empty_${randomBytes(6).toString('hex')}`;
    const serverUrl = process.env.POSTHASTE_TEST_PG_URL ?? '';
    await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${name}`));
    const DATABASE_URL = databaseUrl(serverUrl, name);
    try {
      const line = await refusal(file, { DATABASE_URL });
      expect(line).toMatch(/^The database lacks \d+ migration\(s\): run "npm run migration:run" first\.\n$/);

      const migrating = startNode(roleScript('migrate.js'), { env: { ...BASE, DATABASE_URL } });
      expect(await migrating.exited).toMatchObject({ code: 0 });
      expect(migrating.logs()).toContain('migrated: ');
      const port = String(await freePort());
      const role = startNode(roleScript(file), { env: { ...BASE, DATABASE_URL, PORT: port, WORKER_PORT: port } });
      const isReady = (): Promise<boolean> =>
        fetch(`http://127.0.0.1:${port}/health/ready`).then(
          ({ status }) => status === 200,
          () => false,
        );
      await waitFor(isReady, { what: 'the role to be ready' });
      expect(await role.stop()).toEqual({ code: 0, signal: null });
    } finally {
      await withClient(serverUrl, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
    }
  });

  it('when its port is taken', async () => {
    const database = await createTestDatabase();
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    try {
      const port = String((listener.address() as AddressInfo).port);
      const lines = await refusal(file, { DATABASE_URL: database.url, PORT: port, WORKER_PORT: port });
      const setting = file === 'main.js' ? 'PORT' : 'WORKER_PORT';
      expect(lines).toBe(`Port ${port} on 127.0.0.1 is taken. Stop what uses it or set ${setting}.\n`);
    } finally {
      await close(listener);
      await database.drop();
    }
  });
});

describe('SIGTERM [postgres]', () => {
  it('lets a worker finish the attempts under way, with readiness at 503 meanwhile', async () => {
    const hooks = await HookServer.start();
    const posthaste = await startPosthaste({ backend: 'postgres' });
    try {
      const { opened, open } = gate();
      hooks.respond('/slow', () => opened.then(() => ({ status: 200 })));
      const acme = await posthaste.operator.createTenant();
      await acme.createEndpoint(hooks.url('/slow'));
      const event = await acme.publish();
      await hooks.waitForRequests('/slow', 1);

      const worker = posthaste.workers[0];
      if (worker === undefined) throw new Error('No worker');
      const exited = worker.stop();
      const readiness = async (): Promise<number> => (await fetch(`${worker.url}/health/ready`)).status;
      await waitFor(async () => (await readiness()) === 503, { what: 'readiness to tell of the shutdown' });
      // What comes now waits for another worker.
      const later = await acme.publish();
      open();

      expect(await exited).toEqual({ code: 0, signal: null });
      expect(await acme.onlyDeliveryOf(event.id)).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(hooks.at('/slow')).toHaveLength(1);
      expect(await acme.onlyDeliveryOf(later.id)).toMatchObject({ status: 'pending', attempts: 0 });
      await posthaste.startWorker();
      expect(await acme.settled(later.id)).toMatchObject([{ status: 'succeeded', attempts: 1 }]);
      expect(errorLines(posthaste.logs())).toEqual([]);
    } finally {
      await posthaste.stop();
      await hooks.close();
    }
  });

  it('ends a worker at the end of its grace time, and the attempt is made again elsewhere', async () => {
    const hooks = await HookServer.start();
    const env = { SHUTDOWN_GRACE_SECONDS: '1', LEASE_SECONDS: '5' };
    const posthaste = await startPosthaste({ backend: 'postgres', env });
    try {
      const { opened, open } = gate();
      hooks.respond('/stuck', (_hook, nth) => (nth === 1 ? opened : Promise.resolve()).then(() => ({ status: 200 })));
      const acme = await posthaste.operator.createTenant();
      await acme.createEndpoint(hooks.url('/stuck'), { timeout_ms: 30_000 });
      const event = await acme.publish();
      await hooks.waitForRequests('/stuck', 1);
      expect(await posthaste.workers[0]?.stop()).toEqual({ code: 0, signal: null });
      open();
      await posthaste.startWorker();
      expect(await acme.settled(event.id)).toMatchObject([{ status: 'succeeded' }]);
      expect(hooks.at('/stuck').map(({ headers }) => headers['webhook-id'])).toEqual([event.id, event.id]);
    } finally {
      await posthaste.stop();
      await hooks.close();
    }
  });

  it('lets an API finish the requests under way', async () => {
    const hooks = await HookServer.start();
    const posthaste = await startPosthaste({ backend: 'postgres', workers: 0 });
    try {
      const { opened, open } = gate();
      hooks.respond('/slow', () => opened.then(() => ({ status: 200 })));
      const acme = await posthaste.operator.createTenant();
      const endpoint = await acme.createEndpoint(hooks.url('/slow'));
      const answer = acme.call('POST', `/endpoints/${endpoint.id}/test`);
      await hooks.waitForRequests('/slow', 1);
      const exited = posthaste.apis[0]?.stop();
      open();
      expect(await answer).toMatchObject({ status: 200, body: { outcome: 'succeeded' } });
      expect(await exited).toEqual({ code: 0, signal: null });
    } finally {
      await posthaste.stop();
      await hooks.close();
    }
  });
});

const close = (server: Server): Promise<unknown> => new Promise((resolve) => server.close(resolve));

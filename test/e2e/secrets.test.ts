import { randomBytes } from 'node:crypto';
import type { DeliveryBody } from '../support/api-client.js';
import { describeBackends } from '../support/backends.js';
import { accessToken, beginSession, portalToken, withBearer, withKey } from '../support/credentials.js';
import { TestAuthority } from '../support/certificates.js';
import { dumpDatabase, dumpRedis } from '../support/dump.js';
import { HookServer } from '../support/hook-server.js';
import { startPosthaste, type Posthaste } from '../support/posthaste.js';
import { waitFor } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis-server.js';

/** How a secret could be written down: as it is, in hex (as PostgreSQL shows bytea), in base64, and its key without the prefix. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const spelled = [secret, bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')];
  const key = /^(?:whsec|whsk|ph|pha)_(.+)$/.exec(secret)?.[1];
  if (key !== undefined) spelled.push(key, Buffer.from(key, 'base64').toString('hex'));
  return spelled;
}

/** A line of a PEM text, as the text itself is spelled in many ways around its line ends. */
const innerLine = (pem: string): string => pem.split('\n')[1] ?? '';

describeBackends('secrets', (backend) => {
  let posthaste: Posthaste;
  let hooks: HookServer;
  let redis: TestRedis | undefined;
  const authority = new TestAuthority();
  beforeAll(async () => {
    hooks = await HookServer.start();
    redis = backend === 'redis' ? await startRedis() : undefined;
    posthaste = await startPosthaste({ backend, redisUrl: redis?.url, env: { LOG_LEVEL: 'trace' } });
  });
  afterAll(async () => {
    await posthaste?.stop();
    await hooks?.close();
    await redis?.stop();
    authority.remove();
  });

  it('are nowhere in the database, in Redis or in the logs after a full story', async () => {
    const shown = new Map<string, string>([
      ['operator key', posthaste.adminKey],
      ['encryption key', posthaste.encryptionKey],
    ]);
    const acme = await posthaste.operator.createTenant();
    shown.set('API key', acme.key).set('secret_key', acme.secretKey);

    // Keys: made, rotated, used, and used when they are no longer good.
    const created = await acme.post<{ id: string; key: string }>('/api-keys', { name: 'second' });
    const rotated = await acme.post<{ id: string; key: string }>(`/api-keys/${created.id}/rotate`, {
      overlap_seconds: 0,
    });
    shown.set('second key', created.key).set('rotated key', rotated.key);
    for (const key of [created.key, rotated.key]) await acme.call('GET', '/events', { headers: { 'x-api-key': key } });

    // What comes of keys: tokens, links and sessions, used, and used for what they are not for.
    const access = await accessToken(posthaste.url, rotated);
    const portal = await portalToken(acme, ['events:read']);
    const session = await beginSession(posthaste.url, withKey(acme.key));
    shown.set('access token', access).set('portal link', portal);
    shown.set('session', session.token).set('CSRF token', session.csrfToken);
    for (const path of ['/api/v1/events', '/api/v1/tenants', '/queues', '/nowhere']) {
      for (const headers of [withBearer(access), withBearer(portal), session.credentials]) {
        await fetch(`${posthaste.url}${path}`, { headers });
      }
    }

    // Endpoints of each kind: secrets made and given, rotated, headers.
    const headerValue = `Bearer ${randomBytes(20).toString('hex')}`;
    shown.set('header value', headerValue);
    const retry_policy = { max_attempts: 1, schedule_seconds: [0] };
    hooks.respond('/standard', () => ({ status: 500 }));
    const standard = await acme.createEndpoint(hooks.url('/standard'), {
      headers: { authorization: headerValue },
      retry_policy,
    });
    const ed25519 = await acme.createEndpoint(hooks.url('/ed25519'), { signature: 'standard-ed25519' });
    const own = `sha256-secret-${randomBytes(20).toString('hex')}`;
    await acme.createEndpoint(hooks.url('/sha256'), { signature: 'sha256', secret: own });
    shown
      .set('standard secret', standard.secret ?? '')
      .set('ed25519 secret', ed25519.secret ?? '')
      .set('sha256 secret', own);
    const { secret } = await acme.post<{ secret: string }>(`/endpoints/${standard.id}/secret/rotate`);
    const changedValue = randomBytes(20).toString('hex');
    await acme.patch(`/endpoints/${ed25519.id}`, { headers: { 'x-token': changedValue } });
    await acme.post(`/endpoints/${standard.id}/test`);
    shown.set('rotated secret', secret).set('changed header value', changedValue);

    // A client certificate, and a key that is refused.
    const client = authority.certificateFor('acme.client');
    const tls = { client_cert: client.cert, client_key: client.key };
    const secured = await acme.createEndpoint('https://127.0.0.1:64999/', { tls, retry_policy, event_types: ['none'] });
    await acme.patch(`/endpoints/${secured.id}`, { tls });
    await acme.post(`/endpoints/${secured.id}/test`);
    const refused = authority.certificateFor('refused.client');
    await acme.call('POST', '/endpoints', {
      body: { url: 'https://127.0.0.1:64999/', tls: { client_cert: client.cert, client_key: refused.key } },
    });
    shown.set('client key', innerLine(client.key)).set('refused client key', innerLine(refused.key));

    // Deliveries: succeeded, dead-lettered, retried, replayed.
    const event = await acme.publish({}, { 'idempotency-key': 'key-1' });
    const failed = (await acme.settled(event.id)).find(({ status }) => status === 'dead_letter') as DeliveryBody;
    const letter = await acme.deadLetterOf(failed);
    await acme.post(`/dead-letters/${letter.id}/retry`);
    await acme.post(`/events/${event.id}/replay`);
    await acme.settled(event.id);

    // Requests that are refused with a secret in them, and a job that fails through a fault of our own.
    await acme.call('POST', '/endpoints', {
      body: { url: hooks.url('/'), headers: { 'bad name': headerValue }, secret },
    });
    await acme.call('POST', '/endpoints', { body: `{"url":"${hooks.url('/')}","secret":"${secret}" oops` });
    await acme.call('POST', '/endpoints', { body: { url: `http://user:${headerValue.slice(7)}@127.0.0.1/`, secret } });
    await acme.call('GET', '/events', {
      headers: { 'x-api-key': `${acme.key}x`, authorization: `Bearer ${acme.key}` },
    });
    await posthaste.query(`UPDATE endpoints SET secret_sealed = 'broken' WHERE id = $1`, [ed25519.id]);
    await acme.publish({ endpoint_ids: [ed25519.id] });
    await acme.call('GET', `/endpoints/${ed25519.id}/secret`);
    await waitFor(() => posthaste.logs().includes('A delivery failed through a fault of our own'), {
      what: 'the failed job',
    });

    expect(hooks.at('/standard')[0]?.headers.authorization).toBe(headerValue);
    const places = {
      database: await dumpDatabase(posthaste.databaseUrl),
      redis: redis === undefined ? '' : await dumpRedis(redis.url),
      logs: posthaste.logs(),
      answers: await answers(acme),
    };
    // The dumps hold what they should: without this an empty one would pass.
    expect(places.database).toContain(event.id);
    expect(places.database).toContain('-- bullmq.');
    expect(places.logs).toContain('Nest application successfully started');
    if (backend === 'redis') expect(places.redis).toContain(`-- zset ${posthaste.queuePrefix}:deliveries:failed`);

    const found = Object.entries(places).flatMap(([place, text]) =>
      [...shown].flatMap(([name, value]) =>
        spellings(value).some((spelled) => text.includes(spelled)) ? [`${name} in ${place}`] : [],
      ),
    );
    expect(found).toEqual([]);
  });

  /** What can be read of all this later. */
  async function answers(acme: { list<T>(path: string): Promise<T[]> }): Promise<string> {
    const read: unknown[] = [];
    for (const list of ['/endpoints', '/api-keys', '/events', '/deliveries', '/dead-letters']) {
      read.push(await acme.list(list));
    }
    for (const { id } of await acme.list<{ id: string }>('/deliveries'))
      read.push(await acme.list(`/deliveries/${id}/attempts`));
    read.push(await posthaste.operator.list('/tenants'));
    return JSON.stringify(read);
  }
});

import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { problemType } from '../../src/common/problem.js';
import type { ProblemCode } from '../../src/common/domain-error.js';
import {
  ApiClient,
  type Answer,
  type CallOptions,
  type DeliveryBody,
  type TenantClient,
} from '../support/api-client.js';
import { accessToken, beginSession, withBearer, withCookie, withKey } from '../support/credentials.js';
import { EventReader } from '../support/event-reader.js';
import { HookServer } from '../support/hook-server.js';
import { startPosthaste, type Posthaste } from '../support/posthaste.js';
import { callRoute } from '../support/route-cases.js';

interface Operation {
  operationId: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the base path, with `{id}`. */
  path: string;
  isOperators: boolean;
  codes: ProblemCode[];
}

/** What a provocation has to work with. */
interface Scene {
  posthaste: Posthaste;
  tenant: TenantClient;
  /** Calls the operation with the key that it takes, unless told otherwise. */
  call: (options?: CallOptions & { id?: string; query?: string; as?: ApiClient }) => Promise<Answer>;
}
type Provoke = (scene: Scene, operation: Operation) => Promise<Answer>;

const EVENT = { event_type: 'order.created', payload: {} };
const SINCE = { since: '2020-01-01T00:00:00Z' };
/** Bodies that operations take whose fields have to be right before the problem in question can arise. */
const GOOD_BODIES: Record<string, object> = {
  publishEvent: EVENT,
  publishEventBatch: { events: [EVENT] },
  replayEndpoint: SINCE,
};
const NOBODY = 'http://127.0.0.1:64999/';

/** By code, for any operation. */
const BY_CODE: Partial<Record<ProblemCode, Provoke>> = {
  unauthorized: ({ posthaste, call }) => call({ as: new ApiClient(posthaste.url, 'ph_nonsense') }),
  forbidden: ({ tenant, call }) => call({ as: tenant }),
  missing_scope: async ({ posthaste, tenant, call }) => {
    // The scope that is asked for is not in one of these two.
    const answers: Answer[] = [];
    for (const scopes of [['events:write'], ['keys:write']]) {
      const { key } = await tenant.post<{ key: string }>('/api-keys', { name: 'narrow', scopes });
      answers.push(await call({ as: new ApiClient(posthaste.url, key) }));
    }
    return answers.find(({ status }) => status === 403) ?? (answers[0] as Answer);
  },
  tenant_required: ({ posthaste, call }) => call({ as: posthaste.operator }),
  malformed_request: ({ call }) => call({ body: '{"no":' }),
  not_found: ({ call }, { operationId }) => call({ id: randomUUID(), body: GOOD_BODIES[operationId] }),
  validation_failed: ({ call }, { method }) =>
    method === 'GET' ? call({ query: '?limit=0&window=year' }) : call({ body: { no_such_field: 1 } }),
  unsupported_media_type: ({ call }) => call({ body: 'x', headers: { 'content-type': 'text/plain' } }),
  signature_required: async ({ posthaste, call }) => call({ as: await signingTenant(posthaste), body: EVENT }),
  invalid_signature: async ({ posthaste, call }) => {
    const headers = { 'x-signature': `sha256=${'0'.repeat(64)}` };
    return call({ as: await signingTenant(posthaste), body: EVENT, headers });
  },
  payload_too_large: ({ tenant }, operation) => announce(tenant, operation, 11 * 1024 * 1024),
  tenant_suspended: async ({ posthaste, tenant, call }, { operationId }) => {
    await posthaste.operator.patch(`/tenants/${tenant.id}`, { status: 'suspended' });
    try {
      const id = operationId === 'replayEndpoint' ? await idOfSettled(tenant, 'endpoint_id') : undefined;
      return await call({ id, body: GOOD_BODIES[operationId] ?? {} });
    } finally {
      await posthaste.operator.patch(`/tenants/${tenant.id}`, { status: 'active' });
    }
  },
};

/** By operation and code, where it takes more, or another thing. */
const BY_OPERATION: Record<string, Provoke> = {
  'createApiKey validation_failed': ({ call }) => call({ body: { name: '' } }),
  'publishEvent idempotency_conflict': async ({ call }) => {
    const headers = { 'idempotency-key': randomUUID() };
    await call({ body: EVENT, headers });
    return call({ body: { ...EVENT, payload: 2 }, headers });
  },
  'publishEvent rate_limited': async ({ posthaste, call }) => {
    const slow = await posthaste.operator.createTenant({ rate_limit: 1 });
    await call({ as: slow, body: EVENT });
    return call({ as: slow, body: EVENT });
  },
  'beginSession csrf': ({ posthaste, tenant }) =>
    callRoute(posthaste.url, 'POST /api/v1/session', { ...withKey(tenant.key), origin: 'https://evil.example' }),
  'beginSession forbidden': async ({ posthaste, tenant }) => {
    const key = await tenant.post<{ id: string; key: string }>('/api-keys', { name: 'backend' });
    const token = await accessToken(posthaste.url, key);
    return callRoute(posthaste.url, 'POST /api/v1/session', withBearer(token));
  },
  'endSession csrf': async ({ posthaste, tenant }) => {
    const { token } = await beginSession(posthaste.url, withKey(tenant.key));
    return callRoute(posthaste.url, 'DELETE /api/v1/session', withCookie(token));
  },
  'streamAttempts rate_limited': async ({ posthaste, tenant, call }) => {
    const readers: EventReader[] = [];
    try {
      for (let count = 0; count < 20; count += 1) readers.push(await EventReader.open(posthaste.url, tenant.key));
      return await call();
    } finally {
      for (const reader of readers) reader.close();
    }
  },
  'rotateApiKey conflict': async ({ tenant, call }) => {
    const { id } = await tenant.post<{ id: string }>('/api-keys', { name: 'gone' });
    await tenant.delete(`/api-keys/${id}`);
    return call({ id, body: {} });
  },
  'rotateApiKey validation_failed': async ({ tenant, call }) => {
    const { id } = await tenant.post<{ id: string }>('/api-keys', { name: 'x' });
    return call({ id, body: { overlap_seconds: -1 } });
  },
  'rotateEndpointSecret conflict': async ({ tenant, call }) => {
    const { id } = await tenant.createEndpoint(NOBODY);
    for (let count = 0; count < 10; count += 1) await call({ id, body: {} });
    return call({ id, body: {} });
  },
  'listAttempts validation_failed': async ({ tenant, call }) =>
    call({ id: await idOfSettled(tenant, 'id'), query: '?limit=0' }),
  'retryDelivery conflict': async ({ tenant, call }) => call({ id: await cancelledDelivery(tenant) }),
  'cancelDelivery conflict': async ({ tenant, call }) => call({ id: await cancelledDelivery(tenant) }),
  'resolveDeadLetter conflict': async ({ tenant, call }) => {
    const id = await deadLetter(tenant);
    await call({ id });
    return call({ id });
  },
  'retryDeadLetter conflict': async ({ tenant, call }) => {
    const id = await deadLetter(tenant);
    await tenant.post(`/dead-letters/${id}/resolve`);
    return call({ id });
  },
  'replayEvent tenant_suspended': async (scene) => {
    const { posthaste, tenant, call } = scene;
    const { id } = await tenant.publish();
    await posthaste.operator.patch(`/tenants/${tenant.id}`, { status: 'suspended' });
    try {
      return await call({ id, body: {} });
    } finally {
      await posthaste.operator.patch(`/tenants/${tenant.id}`, { status: 'active' });
    }
  },
  'replayEndpoint conflict': async ({ tenant, call }) => {
    const { id } = await tenant.createEndpoint(NOBODY, { is_active: false });
    return call({ id, body: SINCE });
  },
  // With nobody to work on them, replays pile up.
  'retryDeadLetters conflict': async ({ posthaste, tenant, call }) => {
    await deadLetter(tenant);
    await posthaste.workers.at(-1)?.stop();
    let answer = await call({ body: {} });
    for (let count = 0; count < 100 && answer.status === 202; count += 1) answer = await call({ body: {} });
    await posthaste.startWorker();
    return answer;
  },
};

const signingTenant = (posthaste: Posthaste): Promise<TenantClient> =>
  posthaste.operator.createTenant({ require_signed_publish: true });

/** Tells of a body and sends none of it: fetch would send on while the answer is there, and fail. */
function announce(client: TenantClient, { method, path }: Operation, bytes: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-api-key': client.key, 'content-type': 'application/json', 'content-length': String(bytes) };
    const outgoing = request(`${client.url}/api/v1${path}`, { method, headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
      incoming.on('end', () => {
        outgoing.destroy();
        const { statusCode = 0, headers: got } = incoming;
        const answered = new Headers({ 'content-type': got['content-type'] ?? '' });
        resolve({ status: statusCode, headers: answered, text, body: JSON.parse(text) as Answer['body'] });
      });
    });
    outgoing.on('error', reject);
    outgoing.flushHeaders();
  });
}

async function idOfSettled(tenant: TenantClient, field: 'id' | 'endpoint_id'): Promise<string> {
  const [delivery] = await tenant.list<DeliveryBody>('/deliveries');
  if (delivery === undefined) throw new Error('No delivery');
  return delivery[field];
}

async function cancelledDelivery(tenant: TenantClient): Promise<string> {
  const { id: endpointId } = await tenant.createEndpoint(NOBODY, { is_active: false });
  const event = await tenant.publish({ endpoint_ids: [endpointId] });
  const { id } = await tenant.onlyDeliveryOf(event.id);
  await tenant.post(`/deliveries/${id}/cancel`);
  return id;
}

async function deadLetter(tenant: TenantClient): Promise<string> {
  const retry_policy = { max_attempts: 1, schedule_seconds: [0] };
  const { id: endpointId } = await tenant.createEndpoint(NOBODY, { retry_policy });
  const event = await tenant.publish({ endpoint_ids: [endpointId] });
  const [delivery] = await tenant.settled(event.id);
  return (await tenant.deadLetterOf(delivery as DeliveryBody)).id;
}

describe('the problems that the OpenAPI document names [postgres]', () => {
  let posthaste: Posthaste;
  let hooks: HookServer;
  let operations: Operation[];
  let tenant: TenantClient;
  beforeAll(async () => {
    hooks = await HookServer.start();
    posthaste = await startPosthaste({ backend: 'postgres' });
    operations = await readOperations();
    tenant = await posthaste.operator.createTenant();
    await tenant.createEndpoint(hooks.url('/ok'));
    await tenant.settled((await tenant.publish()).id);
  });
  afterAll(async () => {
    await posthaste?.stop();
    await hooks?.close();
  });

  async function readOperations(): Promise<Operation[]> {
    const { paths } = (await (await fetch(`${posthaste.url}/docs-json`)).json()) as {
      paths: Record<string, Record<string, DocumentedOperation>>;
    };
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId, responses, security }]) => ({
        operationId,
        method: method.toUpperCase() as Operation['method'],
        path: path.startsWith('/api/v1') ? path.slice('/api/v1'.length) : `/../..${path}`,
        isOperators: (security ?? []).some((scheme) => 'operator' in scheme),
        codes: Object.values(responses).flatMap(
          ({ content }) => Object.keys(content?.['application/problem+json']?.examples ?? {}) as ProblemCode[],
        ),
      })),
    );
  }

  const sceneOf = (operation: Operation): Scene => ({
    posthaste,
    tenant,
    call: ({ id = randomUUID(), query = '', as, ...options } = {}) => {
      const client = as ?? (operation.isOperators ? posthaste.operator : tenant);
      return client.call(operation.method, operation.path.replace('{id}', id) + query, options);
    },
  });
  const provocationOf = ({ operationId }: Operation, code: ProblemCode): Provoke | undefined =>
    BY_OPERATION[`${operationId} ${code}`] ?? BY_CODE[code];
  const named = (): [Operation, ProblemCode][] =>
    operations.flatMap((operation) => operation.codes.map((code): [Operation, ProblemCode] => [operation, code]));

  it('each occur, as they are documented', async () => {
    const wrong: string[] = [];
    for (const [operation, code] of named()) {
      if (code === 'unavailable') continue;
      const provoke = provocationOf(operation, code);
      const answer = await provoke?.(sceneOf(operation), operation);
      const isRight =
        answer?.body?.type === problemType(code) &&
        answer.headers.get('content-type')?.startsWith('application/problem+json') === true;
      if (!isRight)
        wrong.push(`${operation.operationId} ${code}: ${answer?.status ?? 'nothing provokes it'} ${answer?.text}`);
    }
    expect(wrong).toEqual([]);
    expect(named().length).toBeGreaterThan(120);
  });

  it('are all that the table provokes: none is there for an operation or a problem that is gone', () => {
    const all = new Set(named().map(([{ operationId }, code]) => `${operationId} ${code}`));
    expect(Object.keys(BY_OPERATION).filter((key) => !all.has(key))).toEqual([]);
  });

  it('include 503 while PostgreSQL is away', async () => {
    const { hostname, port } = new URL(posthaste.databaseUrl);
    const sockets = new Set<Socket>();
    const road = createServer((socket) => {
      const onward = connect(Number(port), hostname);
      for (const end of [socket, onward]) sockets.add(end.on('error', () => undefined));
      socket.pipe(onward).pipe(socket);
    });
    await new Promise<void>((resolve) => road.listen(0, '127.0.0.1', resolve));
    const url = new URL(posthaste.databaseUrl);
    url.host = `127.0.0.1:${(road.address() as AddressInfo).port}`;
    const api = await posthaste.startApi({ DATABASE_URL: url.href });
    const away = operations.filter(({ codes }) => codes.includes('unavailable'));
    const callAt = (operation: Operation): Promise<Answer> =>
      sceneOf(operation).call({ as: tenant.at(api.url), body: GOOD_BODIES[operation.operationId] });
    for (const operation of away) expect((await callAt(operation)).status).toBe(202);
    road.close();
    for (const socket of sockets) socket.destroy();
    for (const operation of away) {
      const answer = await callAt(operation);
      expect(answer.body.type).toBe(problemType('unavailable'));
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    expect(away.length).toBeGreaterThan(0);
  });
});

interface DocumentedOperation {
  operationId: string;
  security?: Record<string, unknown>[];
  responses: Record<string, { content?: Record<string, { examples?: Record<string, unknown> }> }>;
}

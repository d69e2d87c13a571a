import { newId } from '../../src/common/ids.js';
import { ApiApp, OPERATOR_KEY, type TestTenant } from '../support/api-app.js';
import { createAuditedTenant } from '../support/audited-tenant.js';
import { HookServer } from '../support/hook-server.js';
import { seedDeadLetter, seedDelivery, seedEvent } from '../support/seed.js';

let api: ApiApp;
let hooks: HookServer;
let tenant: TestTenant;
let keyId: string;
let endpointId: string;
beforeAll(async () => {
  hooks = await HookServer.start();
  api = await ApiApp.start({ config: { allowedPrivateCidrs: ['127.0.0.0/8'], trustProxy: 'true' } });
});
beforeEach(async () => {
  ({ tenant, keyId, endpointId } = await createAuditedTenant(api, hooks));
});
afterAll(async () => {
  await api.close();
  await hooks.close();
});

/** What is seeded belongs to the tenant and its endpoint. */
const seedSettled = async () => {
  const event = await seedEvent(api.db, tenant.id);
  return { event, delivery: await seedDelivery(api.db, event, endpointId, { status: 'dead_letter' }) };
};
const seedPending = async () => seedDelivery(api.db, await seedEvent(api.db, tenant.id), endpointId);
const seedLetter = async () => {
  const { event, delivery } = await seedSettled();
  return seedDeadLetter(api.db, event, delivery);
};

type Request = { method: 'POST' | 'GET' | 'PATCH' | 'DELETE'; path: string; body?: object };
interface AuditedRoute {
  /** Seeds what the request is about. */
  request: () => Request | Promise<Request>;
  subject: string;
  /** Default: what the path names, or the answer. */
  subjectId?: () => string;
  byOperator?: true;
}

/** Every action that a route does, by what it is written down as. */
const ROUTES: Record<string, AuditedRoute> = {
  'tenant.updated': {
    request: () => ({ method: 'PATCH', path: `/tenants/${tenant.id}`, body: { name: 'New' } }),
    subject: 'tenant',
    byOperator: true,
  },
  'tenant.suspended': {
    request: () => ({ method: 'PATCH', path: `/tenants/${tenant.id}`, body: { status: 'suspended' } }),
    subject: 'tenant',
    byOperator: true,
  },
  'tenant.deleted': {
    request: () => ({ method: 'DELETE', path: `/tenants/${tenant.id}` }),
    subject: 'tenant',
    byOperator: true,
  },
  'api_key.created': {
    request: () => ({ method: 'POST', path: '/api-keys', body: { name: 'mine' } }),
    subject: 'api_key',
  },
  'api_key.rotated': {
    request: () => ({ method: 'POST', path: `/api-keys/${keyId}/rotate`, body: {} }),
    subject: 'api_key',
  },
  'api_key.revoked': { request: () => ({ method: 'DELETE', path: `/api-keys/${keyId}` }), subject: 'api_key' },
  'endpoint.created': {
    request: () => ({ method: 'POST', path: '/endpoints', body: { url: hooks.url('/hook') } }),
    subject: 'endpoint',
  },
  'endpoint.updated': {
    request: () => ({ method: 'PATCH', path: `/endpoints/${endpointId}`, body: { rate_limit: 3 } }),
    subject: 'endpoint',
  },
  'endpoint.deleted': { request: () => ({ method: 'DELETE', path: `/endpoints/${endpointId}` }), subject: 'endpoint' },
  'endpoint.tested': {
    request: () => ({ method: 'POST', path: `/endpoints/${endpointId}/test` }),
    subject: 'endpoint',
  },
  'endpoint.secret_rotated': {
    request: () => ({ method: 'POST', path: `/endpoints/${endpointId}/secret/rotate`, body: {} }),
    subject: 'endpoint',
  },
  'endpoint.secret_read': {
    request: () => ({ method: 'GET', path: `/endpoints/${endpointId}/secret` }),
    subject: 'endpoint',
  },
  'endpoint.replayed': {
    request: async () => {
      await seedSettled();
      const since = new Date(Date.now() - 60_000).toISOString();
      return { method: 'POST', path: `/endpoints/${endpointId}/replay`, body: { since } };
    },
    subject: 'endpoint',
  },
  'event.replayed': {
    request: async () => ({ method: 'POST', path: `/events/${(await seedSettled()).event.id}/replay`, body: {} }),
    subject: 'event',
  },
  'delivery.retried': {
    request: async () => ({ method: 'POST', path: `/deliveries/${(await seedSettled()).delivery.id}/retry` }),
    subject: 'delivery',
  },
  'delivery.cancelled': {
    request: async () => ({ method: 'POST', path: `/deliveries/${(await seedPending()).id}/cancel` }),
    subject: 'delivery',
  },
  'dead_letter.retried': {
    request: async () => ({ method: 'POST', path: `/dead-letters/${(await seedLetter()).id}/retry` }),
    subject: 'dead_letter',
  },
  'dead_letter.resolved': {
    request: async () => ({ method: 'POST', path: `/dead-letters/${(await seedLetter()).id}/resolve` }),
    subject: 'dead_letter',
  },
  'dead_letter.bulk_retried': {
    request: async () => {
      await seedLetter();
      return { method: 'POST', path: '/dead-letters/retry', body: {} };
    },
    subject: 'replay',
  },
  'portal_link.created': {
    request: () => ({ method: 'POST', path: `/tenants/${tenant.id}/portal-links`, body: { scopes: ['events:read'] } }),
    subject: 'tenant',
  },
  'session.created': {
    request: () => ({ method: 'POST', path: '/session' }),
    subject: 'api_key',
    subjectId: () => keyId,
  },
};

const send = ({ method, path, body }: Request, route: AuditedRoute, headers: Record<string, string> = {}) =>
  api.call(method, path, { key: route.byOperator ? OPERATOR_KEY : tenant.key, body, headers });

/** All that a request could change of the tenant's. */
async function dump(): Promise<string> {
  const dumps: unknown[] = [await api.db.query(`SELECT t::text FROM tenants t WHERE id = $1`, [tenant.id])];
  for (const table of ['api_keys', 'endpoints', 'events', 'deliveries', 'dead_letters', 'replays', 'audit_log']) {
    const rows = await api.db.query<{ row: object }[]>(
      `SELECT to_jsonb(t) - 'last_used_at' AS row FROM ${table} t WHERE tenant_id = $1 ORDER BY id`,
      [tenant.id],
    );
    dumps.push(rows);
  }
  return JSON.stringify(dumps, null, 1);
}

/** Until the end of the work, this trigger makes statements on the table fail. */
async function failing<T>(table: string, when: string, work: () => Promise<T>): Promise<T> {
  await api.db.query(
    `CREATE FUNCTION fail_for_test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'in the middle'; END $$`,
  );
  await api.db.query(`CREATE TRIGGER fail_for_test BEFORE ${when} ON ${table} EXECUTE FUNCTION fail_for_test()`);
  try {
    return await work();
  } finally {
    await api.db.query(`DROP FUNCTION fail_for_test CASCADE`);
  }
}

describe.each(Object.entries(ROUTES))('%s', (action, route) => {
  it('is written down: who, what, when and from where', async () => {
    const request = await route.request();
    const requestId = newId();
    const answer = await send(request, route, {
      'x-request-id': requestId,
      'x-forwarded-for': '203.0.113.7',
      'user-agent': 'audit-test/1.0',
    });
    expect(answer.status).toBeLessThan(300);
    const [row] = await api.db.query<object[]>(
      `SELECT action, tenant_id, actor_kind, actor_id, subject_kind, subject_id, ip, user_agent, changes::text AS changes,
         abs(extract(epoch FROM now() - at)) < 30 AS "isRecent"
       FROM audit_log WHERE request_id = $1`,
      [requestId],
    );
    expect(row).toEqual({
      action,
      tenant_id: tenant.id,
      actor_kind: route.byOperator ? 'operator' : 'api_key',
      actor_id: route.byOperator ? null : keyId,
      subject_kind: route.subject,
      subject_id: expect.any(String) as string,
      ip: '203.0.113.7',
      user_agent: 'audit-test/1.0',
      changes: expect.not.stringMatching(/whsec_|header-value|ph_|eyJ/) as string,
      isRecent: true,
    });
    const { subject_id: subjectId } = row as { subject_id: string };
    const named = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(request.path)?.[0];
    expect(subjectId).toBe(route.subjectId?.() ?? named ?? (answer.body.id as string));
  });

  it('does not happen when it can not be written down', async () => {
    const request = await route.request();
    const before = await dump();
    const sent = hooks.received.length;
    const answer = await failing('audit_log', 'INSERT', () => send(request, route));
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/whsec_|eyJ/);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await dump()).toBe(before);
    expect(hooks.received).toHaveLength(sent);
  });
});

describe('what does not happen', () => {
  const none = async (request: Request, status: number): Promise<void> => {
    const before = await dump();
    expect((await api.call(request.method, request.path, { key: tenant.key, body: request.body })).status).toBe(status);
    expect(await dump()).toBe(before);
  };

  it('is not written down when it fails in the middle', async () => {
    for (const [table, when, request] of [
      ['endpoints', 'UPDATE', { method: 'PATCH', path: `/endpoints/${endpointId}`, body: { rate_limit: 3 } }],
      ['deliveries', 'UPDATE', { method: 'DELETE', path: `/endpoints/${endpointId}` }],
      ['api_keys', 'INSERT', { method: 'POST', path: `/api-keys/${keyId}/rotate`, body: {} }],
      ['deliveries', 'INSERT', { method: 'POST', path: `/dead-letters/${(await seedLetter()).id}/retry` }],
      ['replays', 'INSERT', { method: 'POST', path: '/dead-letters/retry', body: {} }],
    ] as [string, string, Request][]) {
      await failing(table, when, () => none(request, 500));
    }
  });

  it('is not written down when it is refused', async () => {
    const { delivery } = await seedSettled();
    await none({ method: 'POST', path: `/deliveries/${delivery.id}/cancel` }, 409);
    await none({ method: 'PATCH', path: `/endpoints/${endpointId}`, body: { secret: 'whsec_x' } }, 422);
    await none({ method: 'DELETE', path: `/endpoints/${newId()}` }, 404);
    const stranger = await api.createTenant();
    const before = await dump();
    expect((await stranger.call('GET', `/endpoints/${endpointId}/secret`)).status).toBe(404);
    expect(await dump()).toBe(before);
  });

  it('is not written down twice when two do it at once', async () => {
    const letter = await seedLetter();
    const answers = await Promise.all([1, 2].map(() => tenant.call('POST', `/dead-letters/${letter.id}/resolve`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const rows = await api.db.query<unknown[]>(`SELECT FROM audit_log WHERE subject_id = $1`, [letter.id]);
    expect(rows).toHaveLength(1);
  });
});

import { randomUUID } from 'node:crypto';
import { SCOPES, type Scope } from '../../src/api-keys/api-key.entity.js';
import type { Answer, TenantClient } from '../support/api-client.js';
import {
  badCredentials,
  beginSession,
  goodCredentials,
  withCookie,
  withKey,
  type BrowserSession,
  type Credentials,
} from '../support/credentials.js';
import { useInstallation } from '../support/installation.js';
import { callRoute, ROUTE_CASES, routesOf, type CallRouteOptions, type Victim } from '../support/route-cases.js';
import { idsFor, makeVictim, tenantRows } from '../support/victim.js';

const UNSAFE = /^(POST|PUT|PATCH|DELETE) /;

/** Every route, with all that one could come with and not be let in. The ids are the tenant's own, so that nothing else refuses. */
describe('the walk along all routes [postgres]', () => {
  const installation = useInstallation({ backend: 'postgres' });
  let victim: Victim;
  let walker: TenantClient;
  let bad: Record<string, Credentials>;
  let good: Record<string, Credentials>;
  const without = new Map<Scope, Record<string, Credentials>>();
  let sessions: { tenant: BrowserSession; other: BrowserSession; operator: BrowserSession };
  let before: string;

  beforeAll(async () => {
    const { posthaste } = installation;
    const { url, operator, adminKey } = posthaste;
    victim = await makeVictim(installation);
    const other = await operator.createTenant({ name: 'Other' });
    bad = await badCredentials(posthaste, victim.client, other);
    for (const scope of SCOPES) {
      const rest = SCOPES.filter((one) => one !== scope);
      without.set(scope, await goodCredentials(posthaste, victim.client, rest));
    }
    sessions = {
      tenant: await beginSession(url, withKey(victim.client.key)),
      other: await beginSession(url, withKey(victim.client.key)),
      operator: await beginSession(url, withKey(adminKey)),
    };
    walker = await operator.createTenant({ name: 'Walker' });
    good = await goodCredentials(posthaste, walker);
    // Nothing moves by itself from here on.
    await posthaste.workers[0]?.stop();
    before = await tenantRows(posthaste, victim.client.id);
  });

  const call = (route: string, credentials: Credentials, options: CallRouteOptions = {}): Promise<Answer> =>
    callRoute(installation.posthaste.url, route, { 'x-tenant-id': victim.client.id, ...credentials }, options);

  /** The status and code of an answer, which has to be a problem. */
  function refusalOf({ status, headers, body }: Answer): string {
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body).toMatchObject({ status, title: expect.any(String) as string, detail: expect.any(String) as string });
    expect(body.request_id).toBe(headers.get('x-request-id'));
    return `${status} ${String(body.type).replace('urn:posthaste:problem:', '')}`;
  }

  /** Calls a route in each of these ways; what each should be answered with is the same. */
  async function expectRefusals(route: string, ways: Record<string, Credentials>, refusal: string): Promise<void> {
    const known = ROUTE_CASES[route];
    const body = known?.kind === 'by id' ? known.body : known?.kind === 'own' ? known.body?.(victim) : undefined;
    const answers: Record<string, string> = {};
    for (const [how, credentials] of Object.entries(ways)) {
      answers[how] = refusalOf(await call(route, credentials, { id: idsFor(victim, route)[0], body }));
    }
    expect(answers).toEqual(Object.fromEntries(Object.keys(ways).map((how) => [how, refusal])));
  }

  it('leads along every route that there is', async () => {
    expect(Object.keys(ROUTE_CASES).sort()).toEqual((await routesOf(installation.posthaste.url)).sort());
  });

  describe.each(Object.entries(ROUTE_CASES))('%s', (route, known) => {
    switch (known.kind) {
      case 'public':
        it('is open, whatever one comes with', async () => {
          for (const credentials of Object.values(bad)) expect((await call(route, credentials)).status).toBe(200);
        });
        return;

      case 'oauth':
        it('asks for credentials of its own, and tells so in its own way', async () => {
          for (const credentials of Object.values({ ...bad, ...good })) {
            const { status, headers, body } = await call(route, credentials);
            expect([status, body.error]).toEqual([400, 'invalid_request']);
            expect(headers.get('content-type')).toMatch(/^application\/json/);
          }
        });
        return;

      case 'operator page':
        it('opens to nobody but the operator', () => expectRefusals(route, { ...bad, ...good }, '401 unauthorized'));
        return;

      case 'operator':
        it('refuses a tenant, in whatever way it comes', () => expectRefusals(route, good, '403 forbidden'));
        break;

      case 'by id':
      case 'own':
        it(`refuses whoever lacks the scope ${known.scope}`, () =>
          expectRefusals(route, without.get(known.scope) ?? {}, '403 missing_scope'));

        it(`lets in whoever has it`, async () => {
          const expected = known.kind === 'own' ? known.status : 404;
          const body = known.kind === 'own' ? known.body?.(victim) : known.body;
          const { posthaste } = installation;
          const operator = { ...sessions.operator.credentials, 'x-tenant-id': walker.id };
          const ways = {
            ...good,
            operator: { ...withKey(posthaste.adminKey), 'x-tenant-id': walker.id },
            session: operator,
          };
          for (const [how, credentials] of Object.entries(ways)) {
            if (how.includes('portal') && known.scope === 'keys:write') continue;
            const { status } = await call(route, credentials, { id: randomUUID(), body });
            expect([how, status]).toEqual([how, expected]);
          }
        });
        break;

      case 'session':
      case 'anybody known':
        break;
    }

    it('refuses all that is no good', () => expectRefusals(route, bad, '401 unauthorized'));

    if (UNSAFE.test(route)) {
      it('refuses what another site has a browser send', async () => {
        const { tenant, other, operator } = sessions;
        await expectRefusals(
          route,
          {
            'a session without its token': withCookie(tenant.token),
            "another session's token": { ...tenant.credentials, 'x-csrf-token': other.csrfToken },
            'another site': { ...tenant.credentials, 'sec-fetch-site': 'cross-site' },
            'another origin': { ...tenant.credentials, origin: 'https://evil.example' },
            "the operator's session without its token": withCookie(operator.token),
            "the operator's session on another site": { ...operator.credentials, 'sec-fetch-site': 'same-site' },
          },
          '403 csrf',
        );
      });
    }
  });

  it('opens the session routes to those they are for', async () => {
    const statuses = async (route: string): Promise<Record<string, number>> => {
      const entries = Object.entries(good).map(
        async ([how, credentials]) => [how, (await call(route, credentials)).status] as const,
      );
      return Object.fromEntries(await Promise.all(entries));
    };
    const expected = (ofKey: number, ofToken: number, ofSession: number): Record<string, number> => ({
      'API key': ofKey,
      'API key as bearer': ofKey,
      'access token': ofToken,
      'access token with fewer scopes than its key': ofToken,
      'session of an API key': ofSession,
      'portal link': ofKey,
      'session of a portal link': ofSession,
    });
    expect(await statuses('POST /api/v1/session')).toEqual(expected(201, 403, 403));
    expect(await statuses('GET /api/v1/session')).toEqual(expected(401, 401, 200));
    expect(await statuses('DELETE /api/v1/session')).toEqual(expected(401, 401, 204));
  });

  it("opens the queue's board to the operator's session, and to no other", async () => {
    const statusWith = async (credentials: Credentials, method = 'GET'): Promise<number> =>
      (await callRoute(installation.posthaste.url, `${method} /queues/api/queues`, credentials)).status;
    const { tenant, operator } = sessions;
    expect(await statusWith(withCookie(operator.token))).toBe(200);
    expect(await statusWith(withCookie(tenant.token))).toBe(401);
    // What is wrong in a header is not made good by a cookie.
    expect(await statusWith({ ...withCookie(operator.token), ...withKey(victim.client.key) })).toBe(401);
    for (const [how, credentials] of Object.entries({ ...bad, ...good })) {
      expect([how, await statusWith(credentials)]).toEqual([how, 401]);
    }
  });

  it('ends what comes of a key within a second at other processes', async () => {
    const { posthaste } = installation;
    const elsewhere = await posthaste.startApi();
    const { id, key } = await walker.post<{ id: string; key: string }>('/api-keys', { name: 'short-lived' });
    const session = await beginSession(posthaste.url, withKey(key));
    const at = (url: string): Promise<Answer> => callRoute(url, 'GET /api/v1/endpoints', withCookie(session.token));
    expect([(await at(posthaste.url)).status, (await at(elsewhere.url)).status]).toEqual([200, 200]);
    await walker.delete(`/api-keys/${id}`);
    const revokedAt = performance.now();
    expect((await at(posthaste.url)).status).toBe(401);
    let lastGood = revokedAt;
    for (;;) {
      const askedAt = performance.now();
      if ((await at(elsewhere.url)).status === 401) break;
      lastGood = askedAt;
    }
    expect(lastGood - revokedAt).toBeLessThan(1_000);
  });

  // The last one: after all that was tried above.
  it('has changed nothing of the tenant whose ids were used', async () => {
    expect(await tenantRows(installation.posthaste, victim.client.id)).toBe(before);
  });
});

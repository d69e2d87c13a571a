import type { Answer, TenantClient } from '../support/api-client.js';
import { goodCredentials, withKey, type Credentials } from '../support/credentials.js';
import { useInstallation } from '../support/installation.js';
import { callRoute, ROUTE_CASES, routesOf, type CallRouteOptions, type Victim } from '../support/route-cases.js';
import { idsFor, makeVictim, tenantRows } from '../support/victim.js';

describe('tenant isolation [postgres]', () => {
  const installation = useInstallation({ backend: 'postgres' });
  let victim: Victim;
  let stranger: TenantClient;
  /** By every way in which a tenant can come. */
  let strangers: [how: string, Credentials][];
  let before: string;

  beforeAll(async () => {
    const { posthaste } = installation;
    victim = await makeVictim(installation);
    stranger = await posthaste.operator.createTenant({ name: 'Stranger' });
    strangers = Object.entries(await goodCredentials(posthaste, stranger));
    // Nothing moves by itself from here on: whatever changes is the stranger's doing.
    await posthaste.workers[0]?.stop();
    before = await tenantRows(posthaste, victim.client.id);
  });

  /** The victim named in the operator's header must change nothing either. */
  const call = (route: string, credentials: Credentials, options: CallRouteOptions = {}): Promise<Answer> =>
    callRoute(installation.posthaste.url, route, { 'x-tenant-id': victim.client.id, ...credentials }, options);

  /** Nothing of the victim's stands in the answer but what the request itself had named. */
  function expectNothingOf(answer: Answer, request: unknown): void {
    const named = JSON.stringify(request);
    const secrets = [...Object.values(victim.ids).flat(), victim.client.key, victim.client.secretKey];
    const texts = [...secrets, 'acme-payload', 'acme-source', 'acme-response', 'acme-order', '/victim', 'Acme'];
    expect(texts.filter((text) => answer.text.includes(text) && !named.includes(text))).toEqual([]);
  }

  it('has a case for every route, and none for a route that there is not', async () => {
    const routes = await routesOf(installation.posthaste.url);
    expect(Object.keys(ROUTE_CASES).sort()).toEqual(routes.sort());
  });

  describe.each(Object.entries(ROUTE_CASES))('%s', (route, known) => {
    if (known.kind === 'operator' || known.kind === 'operator page') {
      it('does not open to a tenant, in whatever way it comes', async () => {
        const expected = known.kind === 'operator' ? 403 : 401;
        for (const [how, credentials] of strangers) {
          const answer = await call(route, credentials, { id: idsFor(victim, route)[0] });
          expect([how, answer.status]).toEqual([how, expected]);
          expectNothingOf(answer, {});
        }
      });
    }

    if (known.kind === 'by id') {
      it("knows nothing of another tenant's id", async () => {
        const ids = idsFor(victim, route);
        expect(ids).not.toEqual([]);
        for (const id of ids) {
          for (const [how, credentials] of strangers) {
            const answer = await call(route, credentials, { id, body: known.body });
            // No portal link has that scope.
            const lacks = how.includes('portal') && known.scope === 'keys:write';
            const [status, code] = lacks ? [403, 'missing_scope'] : [404, 'not_found'];
            expect([how, answer.status, answer.body.type]).toEqual([how, status, `urn:posthaste:problem:${code}`]);
            expectNothingOf(answer, { id });
          }
        }
        if (!route.startsWith('GET')) return;
        // To its owner's side, on the other hand, the id means something: the 404 was not for a slip in this test.
        for (const id of ids) {
          expect(await call(route, withKey(installation.posthaste.adminKey), { id })).toMatchObject({ status: 200 });
        }
      });
    }

    if (known.kind === 'own') {
      it("acts on the caller's own alone", async () => {
        const body = known.body?.(victim);
        for (const query of ['', ...(known.queries?.(victim) ?? [])]) {
          for (const [how, credentials] of strangers) {
            const answer = await call(route, credentials, { query, body });
            const lacks = how.includes('portal') && known.scope === 'keys:write';
            expect([how, answer.status]).toEqual([how, lacks ? 403 : known.status]);
            expectNothingOf(answer, { query, body });
          }
        }
      });
    }

    if (known.kind === 'session' || known.kind === 'anybody known') {
      it('tells callers of themselves alone', async () => {
        // Of their own, as one of these routes ends the session that it is called by.
        const own = await goodCredentials(installation.posthaste, stranger);
        for (const credentials of Object.values(own)) expectNothingOf(await call(route, credentials), {});
      });
    }
  });

  // The last one: after all that was tried above.
  it('has changed nothing of the other tenant', async () => {
    expect(await tenantRows(installation.posthaste, victim.client.id)).toBe(before);
    expect(installation.hooks.at('/victim-idle')).toEqual([]);
  });
});

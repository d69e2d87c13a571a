import type { DeliveryBody } from './api-client.js';
import type { Installation } from './installation.js';
import type { Posthaste } from './posthaste.js';
import { waitFor } from './processes.js';
import type { Victim } from './route-cases.js';

/** A tenant with one of everything: delivered, dead-lettered, held. */
export async function makeVictim({ posthaste, hooks }: Installation): Promise<Victim> {
  const client = await posthaste.operator.createTenant({ name: 'Acme' });
  hooks.respond('/victim', () => ({ status: 500, body: 'acme-response' }));
  const retry_policy = { max_attempts: 1, schedule_seconds: [0] };
  const endpoint = await client.createEndpoint(hooks.url('/victim'), { retry_policy });
  const event = await client.publish({ event_id: 'acme-order-1', payload: 'acme-payload', source: 'acme-source' });
  await client.publish({ event_id: 'acme-order-2', payload: 'acme-payload' });
  const [delivery] = (await client.settled(event.id)) as [DeliveryBody];
  const letter = await client.deadLetterOf(delivery);
  const since = new Date(Date.now() - 3_600_000).toISOString();
  const replay = await client.post<{ id: string }>(`/endpoints/${endpoint.id}/replay`, { since });
  await waitFor(async () => (await client.get(`/replays/${replay.id}`)).status !== 'running', { what: 'the replay' });
  await waitFor(async () => (await client.list('/deliveries?status=pending')).length === 0, {
    what: 'all to settle',
  });
  const idle = await client.createEndpoint(hooks.url('/victim-idle'), { is_active: false });
  await client.publish({ endpoint_ids: [idle.id], payload: 'acme-payload' });
  const attempts = await client.attemptsOf(delivery.id);
  const keys = await client.list<{ id: string }>('/api-keys');
  return {
    client,
    ids: {
      tenants: [client.id],
      endpoints: [endpoint.id, idle.id],
      events: [event.id, 'acme-order-1'],
      deliveries: [delivery.id],
      attempts: attempts.map(({ id }) => id),
      'dead-letters': [letter.id],
      'api-keys': keys.map(({ id }) => id),
      replays: [replay.id],
    },
  };
}

/**
 * All rows of a tenant, in all tables that tell whose a row is; but not what is written behind: roll-ups, and when a key was
 * last used.
 */
export async function tenantRows(posthaste: Posthaste, tenantId: string): Promise<string> {
  const tables = await posthaste.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND a.attname = 'tenant_id' AND c.relname NOT LIKE '%minutes' ORDER BY 1`,
  );
  expect(tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['api_keys', 'dead_letters', 'deliveries', 'delivery_attempts', 'endpoints', 'events']),
  );
  const dumps = [await posthaste.query(`SELECT t::text FROM tenants t WHERE id = $1`, [tenantId])];
  for (const { name } of tables) {
    // What the operator looks at meanwhile, to see that ids mean something, is written down.
    const which = name === 'audit_log' ? `tenant_id = $1 AND actor_kind <> 'operator'` : 'tenant_id = $1';
    dumps.push(
      await posthaste.query(`SELECT (to_jsonb(t) - 'last_used_at')::text FROM ${name} t WHERE ${which} ORDER BY 1`, [
        tenantId,
      ]),
    );
  }
  return JSON.stringify(dumps, null, 1);
}

/** Ids of the victim's that a route could name; one empty text where it names none. */
export function idsFor(victim: Victim, route: string): string[] {
  const resource = /\/([a-z-]+)\/\{id\}/.exec(route)?.[1];
  return resource === undefined ? [''] : (victim.ids[resource] ?? []);
}

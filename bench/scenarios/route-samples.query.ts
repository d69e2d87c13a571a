import type pg from 'pg';
import type { Tenants } from '../tenants.js';

/** What a route is asked for: a delivery, and what lies around it. */
export interface RouteSample {
  /** Its place among the tenants. */
  tenant: number;
  delivery_id: string;
  event_id: string;
  /** The tenant's own id of some event; of none, where it gave none. */
  own_id: string;
  endpoint_id: string;
  /** The tenant's endpoint that had the fewest deliveries. */
  quiet_endpoint_id: string;
  letter_id: string | null;
  replay_id: string | null;
  /** When the delivery was made. */
  at: string;
}

/** From so many deliveries on, one in a hundred of their pages is sample enough. */
const SAMPLED_FROM = 1_000_000;

/**
 * Half of them are drawn from all deliveries, and so mostly from the tenants that have many; a quarter each from the tenant with the
 * most and the one with the fewest, so that the slowest one in a hundred requests is one of the worst kind.
 */
export async function drawSamples(
  db: pg.Client,
  { ids }: Pick<Tenants, 'ids'>,
  { deliveries, count }: { deliveries: number; count: number },
): Promise<RouteSample[]> {
  const drawn = await read(
    db,
    ids,
    `SELECT * FROM deliveries TABLESAMPLE SYSTEM (${deliveries < SAMPLED_FROM ? 100 : 1}) ORDER BY random() LIMIT ${Math.ceil(count / 2)}`,
  );
  const extremes: RouteSample[][] = [];
  for (const tenantId of [ids[0], ids.at(-1)]) {
    const newest = `SELECT * FROM deliveries WHERE tenant_id = '${tenantId}' ORDER BY id DESC LIMIT ${Math.ceil(count / 4)}`;
    extremes.push(await read(db, ids, newest));
  }
  // In turn: each route meets all of them however few it asks.
  return Array.from({ length: count }, (_sample, n) => {
    const from = [drawn, extremes[0] ?? [], drawn, extremes[1] ?? []][n % 4] ?? [];
    return from[Math.floor(n / 2) % Math.max(from.length, 1)] ?? drawn[0];
  }).filter((sample) => sample !== undefined);
}

async function read(db: pg.Client, ids: string[], deliveries: string): Promise<RouteSample[]> {
  const { rows } = await db.query<RouteSample>(
    `SELECT array_position($1::uuid[], d.tenant_id) - 1 AS tenant, d.id AS delivery_id, d.event_id, d.endpoint_id,
       coalesce((SELECT event_id FROM events e WHERE e.tenant_id = d.tenant_id AND e.event_id IS NOT NULL LIMIT 1), 'none') AS own_id,
       (SELECT id FROM endpoints e WHERE e.tenant_id = d.tenant_id ORDER BY id DESC LIMIT 1) AS quiet_endpoint_id,
       (SELECT id FROM dead_letters l WHERE l.tenant_id = d.tenant_id LIMIT 1) AS letter_id,
       (SELECT id FROM replays r WHERE r.tenant_id = d.tenant_id LIMIT 1) AS replay_id,
       to_char(d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at
     FROM (${deliveries}) d`,
    [ids],
  );
  return rows;
}

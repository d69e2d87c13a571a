import type { EntityManager } from 'typeorm';
import { lockWaiting, type DueDelivery, type Turn } from './lease-due.query.js';

/**
 * How often places go to retries first. Otherwise first attempts come before them, so that an endpoint whose retries alone
 * would fill its places still gets its new events; and retries are never left waiting for good either.
 */
const RETRIES_FIRST_SHARE = 0.25;

/**
 * Locks what waits for places in the queue.
 * @param endpointIds in one order everywhere, for the sake of locks
 * @param rooms places by endpoint
 */
export async function lockForPlaces(
  manager: EntityManager,
  endpointIds: string[],
  rooms: ReadonlyMap<string, number>,
): Promise<DueDelivery[]> {
  const turns: Turn[] = Math.random() < RETRIES_FIRST_SHARE ? ['retry', 'first'] : ['first', 'retry'];
  const left = new Map(rooms);
  const locked: DueDelivery[] = [];
  for (const turn of turns) {
    // What an open circuit kept back is older than what came since.
    for (const reason of ['circuit', 'fairness'] as const) {
      const open = endpointIds.filter((id) => (left.get(id) ?? 0) > 0);
      if (open.length === 0) return locked;
      const places = open.map((id) => left.get(id) ?? 0);
      const waiting = await lockWaiting(manager, reason, turn, open, places);
      for (const { endpoint_id } of waiting) left.set(endpoint_id, (left.get(endpoint_id) ?? 0) - 1);
      locked.push(...waiting);
    }
  }
  return locked;
}

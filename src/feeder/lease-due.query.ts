import type { EntityManager } from 'typeorm';
import { ints, uuids } from '../database/binary-arrays.js';
import { rangeOf } from '../database/id-range.js';
import { prepared } from '../database/prepared-statements.js';
import { leasedById } from '../deliveries/leased-by-id.js';
import type { LeasedDelivery } from '../queue/delivery-queue.js';
import type { WaitReason } from './find-waiting-endpoints.query.js';

export interface DueDelivery {
  id: string;
  event_id: string;
  tenant_id: string;
  endpoint_id: string;
  lease_no: number;
}

const COLUMNS = 'id, event_id, tenant_id, endpoint_id, lease_no';
const SINCE = `coalesce(now() - make_interval(secs => $2), '-infinity')`;

/**
 * Locks deliveries whose time has come, and those whose lease ran out (their job was lost, or its worker died), oldest
 * first. SKIP LOCKED: several feeders work side by side, and one never waits for a worker's outcome.
 *
 * In front of them the two indexes hold all that has been settled since the last vacuum, which may be millions: some 12 ms a
 * million, each time.
 * @param sinceSeconds only those whose time came, or whose lease ran out, no longer ago; null: all
 */
export function lockDue(manager: EntityManager, limit: number, sinceSeconds: number | null): Promise<DueDelivery[]> {
  return manager.query<DueDelivery[]>(
    // In parts of their own, because rows can't be locked through a UNION.
    `WITH run_out AS (
       SELECT ${COLUMNS} FROM deliveries
       WHERE status = 'pending' AND leased_until IS NOT NULL AND leased_until <= now() AND leased_until > ${SINCE}
       ORDER BY leased_until LIMIT $1 FOR UPDATE SKIP LOCKED
     ), due AS (
       SELECT ${COLUMNS} FROM deliveries
       WHERE status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL AND next_attempt_at <= now()
         AND next_attempt_at > ${SINCE}
       ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
     )
     SELECT * FROM run_out UNION ALL SELECT * FROM due`,
    [limit, sinceSeconds],
  );
}

/** Deliveries whose first attempt is still to come, or those that have had one. */
export type Turn = 'first' | 'retry';

/** Locks deliveries that wait for this, up to `rooms[i]` of `endpointIds[i]`: those with fewest attempts first, then the oldest. */
export function lockWaiting(
  manager: EntityManager,
  reason: WaitReason,
  turn: Turn,
  endpointIds: string[],
  rooms: number[],
): Promise<DueDelivery[]> {
  return manager.query<DueDelivery[]>(
    `SELECT d.* FROM unnest($1::uuid[], $2::int[]) AS wanted (endpoint_id, room)
     CROSS JOIN LATERAL (
       SELECT ${COLUMNS} FROM deliveries
       WHERE status = 'pending' AND held_by = '${reason}' AND held_by IS NOT NULL AND endpoint_id = wanted.endpoint_id
         AND attempts ${turn === 'first' ? '= 0' : '> 0'}
       ORDER BY attempts, id LIMIT wanted.room FOR UPDATE SKIP LOCKED
     ) d`,
    [endpointIds, rooms],
  );
}

/** Leases locked deliveries to the queue. `lease_no` goes up, so whatever job an earlier lease left behind is void. */
export async function lease(manager: EntityManager, ids: string[], leaseSeconds: number): Promise<void> {
  await manager.query(
    `UPDATE deliveries
     SET lease_no = lease_no + 1, leased_until = now() + make_interval(secs => $2), held_by = NULL
     WHERE id = ANY($1::uuid[])`,
    [ids, leaseSeconds],
  );
}

/** Puts locked deliveries aside until they may go; out of the due index, they are not looked at meanwhile. */
export async function putAside(manager: EntityManager, reason: WaitReason, ids: string[]): Promise<void> {
  await manager.query(
    `UPDATE deliveries SET held_by = $2, leased_until = NULL, next_attempt_at = NULL WHERE id = ANY($1::uuid[])`,
    [ids, reason],
  );
}

const GIVE_BACK = prepared(`UPDATE deliveries d
  SET leased_until = NULL, next_attempt_at = coalesce(d.next_attempt_at, now())
  FROM unnest($1::uuid[], $2::int[]) AS job (id, lease_no)
  WHERE d.id = job.id AND d.lease_no = job.lease_no AND ${leasedById('$1', '$3')}`);

/** Gives leases back that the queue didn't take, so that the next tick tries them again. */
export async function giveBack(manager: EntityManager, jobs: LeasedDelivery[]): Promise<void> {
  const ids = jobs.map(({ deliveryId }) => deliveryId);
  await manager.query(GIVE_BACK, [uuids(ids), ints(jobs.map(({ leaseNo }) => leaseNo)), rangeOf(ids)[0]]);
}

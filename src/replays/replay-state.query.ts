import type { DataSource, EntityManager } from 'typeorm';
import type { DeadLetterFilter, EndpointReplayFilter, ReplayKind } from './replay.entity.js';

interface Claimed<Kind extends ReplayKind, EndpointId, Filter> {
  id: string;
  tenant_id: string;
  kind: Kind;
  endpoint_id: EndpointId;
  filter: Filter;
  last_id: string | null;
  created_at: Date;
  tenant_retention_days: number | null;
}

export type ClaimedReplay =
  Claimed<'endpoint', string, EndpointReplayFilter> | Claimed<'dead_letters', null, DeadLetterFilter>;

/**
 * Locks the replay that has waited longest for its turn, until the end of the transaction. One of a suspended tenant waits
 * until the tenant is resumed.
 * @param paceMs the time from one chunk of a replay to its next
 */
export async function claimReplay(manager: EntityManager, paceMs: number): Promise<ClaimedReplay | null> {
  const rows = await manager.query<ClaimedReplay[]>(
    `SELECT r.id, r.tenant_id, r.kind, r.endpoint_id, r.filter, r.last_id, r.created_at,
       t.retention_days AS tenant_retention_days
     FROM replays r JOIN tenants t ON t.id = r.tenant_id
     WHERE r.status = 'running' AND r.updated_at <= now() - make_interval(secs => $1 / 1000.0) AND t.status = 'active'
     ORDER BY r.updated_at LIMIT 1 FOR UPDATE OF r SKIP LOCKED`,
    [paceMs],
  );
  return rows[0] ?? null;
}

export interface Progress {
  /** The last item, event or delivery that was looked at. */
  lastId: string;
  done: number;
  failed: number;
  isFinished: boolean;
}

/** In the transaction that makes the fresh deliveries: a crash takes both back, or neither. */
export async function recordProgress(
  manager: EntityManager,
  id: string,
  { lastId, done, failed, isFinished }: Progress,
): Promise<void> {
  await manager.query(
    `UPDATE replays SET last_id = $2, done = done + $3, failed = failed + $4, updated_at = now(),
       status = CASE WHEN $5 THEN 'completed' ELSE 'running' END, finished_at = CASE WHEN $5 THEN now() END
     WHERE id = $1`,
    [id, lastId, done, failed, isFinished],
  );
}

/** Ends a replay before its end; what is left counts as failed. */
export async function endReplay(manager: EntityManager, id: string, error: string): Promise<void> {
  await manager.query(
    `UPDATE replays SET status = 'failed', failed = greatest(total - done, failed), error = $2, updated_at = now(),
       finished_at = now()
     WHERE id = $1 AND status = 'running'`,
    [id, error],
  );
}

/** Lets the others go first after a chunk that went wrong. */
export async function postponeReplay(db: DataSource, id: string, waitMs: number): Promise<void> {
  await db.query(
    `UPDATE replays SET updated_at = now() + make_interval(secs => $2 / 1000.0) WHERE id = $1 AND status = 'running'`,
    [id, waitMs],
  );
}

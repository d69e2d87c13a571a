import type { DataSource } from 'typeorm';

export interface WorkerProcess {
  id: string;
  host: string;
  pid: number;
  version: string;
  started_at: Date;
  last_seen_at: Date;
  alive: boolean;
}

export const SEEN_EVERY_MS = 5_000;
/** Three times unseen is dead; so much longer is forgotten. */
const ALIVE = '16 seconds';
const FORGOTTEN = '10 minutes';
const SHOWN = 1_000;

/** Says that a worker lives, and forgets those that have long been dead. */
export async function noteWorker(
  db: DataSource,
  { id, host, pid, version }: Pick<WorkerProcess, 'id' | 'host' | 'pid' | 'version'>,
): Promise<void> {
  await db.query(
    `WITH dead AS (DELETE FROM worker_processes WHERE last_seen_at < now() - interval '${FORGOTTEN}' AND id <> $1)
     INSERT INTO worker_processes (id, host, pid, version) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO UPDATE SET last_seen_at = now()`,
    [id, host, pid, version],
  );
}

export async function removeWorker(db: DataSource, id: string): Promise<void> {
  await db.query(`DELETE FROM worker_processes WHERE id = $1`, [id]);
}

/** The newest first. */
export function findWorkers(db: DataSource): Promise<WorkerProcess[]> {
  return db.query<WorkerProcess[]>(
    `SELECT id, host, pid, version, started_at, last_seen_at, last_seen_at > now() - interval '${ALIVE}' AS alive
     FROM worker_processes ORDER BY id DESC LIMIT ${SHOWN}`,
  );
}

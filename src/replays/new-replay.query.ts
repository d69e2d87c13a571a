import type { EntityManager } from 'typeorm';

/**
 * Until the end of the transaction nobody else prepares a replay of this endpoint. Not by locking the endpoint's row: its
 * items may take a minute to count, and workers write to that row.
 * @returns false when somebody does already
 */
export async function lockReplaysOf(manager: EntityManager, endpointId: string): Promise<boolean> {
  const rows = await manager.query<{ mine: boolean }[]>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('replay of ' || $1::text, 0)) AS mine`,
    [endpointId],
  );
  return rows[0]?.mine === true;
}

export async function countRunning(
  manager: EntityManager,
  tenantId: string,
): Promise<{ total: number; endpointIds: string[] }> {
  const rows = await manager.query<{ endpoint_id: string | null }[]>(
    `SELECT endpoint_id FROM replays WHERE tenant_id = $1 AND status = 'running'`,
    [tenantId],
  );
  return { total: rows.length, endpointIds: rows.flatMap(({ endpoint_id }) => endpoint_id ?? []) };
}

/** Counting a month of a large tenant takes longer than a request's usual limit. */
export async function allowLongCount(manager: EntityManager, seconds: number): Promise<void> {
  await manager.query(`SELECT set_config('statement_timeout', $1, true)`, [`${seconds}s`]);
}

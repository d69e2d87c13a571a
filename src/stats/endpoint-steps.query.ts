import type { EntityManager } from 'typeorm';
import type { WindowSpan } from './stats-window.js';

export interface EndpointStepRow {
  endpoint_id: string;
  /** The beginning of the step. */
  at: Date;
  succeeded: number;
  failed: number;
}

/** Sums of attempts by endpoint and step, a row a minute read at most; steps without any are left out. */
export function loadEndpointSteps(
  manager: EntityManager,
  tenantId: string,
  endpointIds: readonly string[],
  { sinceMs, stepMs }: WindowSpan,
): Promise<EndpointStepRow[]> {
  return manager.query<EndpointStepRow[]>(
    `SELECT endpoint_id, date_bin(make_interval(secs => $4), minute, 'epoch'::timestamptz) AS at,
       sum(succeeded)::int AS succeeded, sum(failed)::int AS failed
     FROM attempt_minutes
     WHERE tenant_id = $1 AND endpoint_id = ANY($2::uuid[]) AND minute >= $3
     GROUP BY endpoint_id, at`,
    [tenantId, endpointIds, new Date(sinceMs), stepMs / 1_000],
  );
}

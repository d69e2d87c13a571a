import type { EntityManager } from 'typeorm';
import type { CircuitState } from '../circuit-breaker/endpoint-circuit.entity.js';
import { sumsByBucket } from './latency-buckets.js';

export interface EndpointHealthRow {
  endpoint_id: string;
  /** Null: it has never failed. */
  state: CircuitState | null;
  opened_at: Date | null;
  next_probe_at: Date | null;
  consecutive_failures: number | null;
  succeeded: number;
  failed: number;
  latency_counts: number[];
  last_success_at: Date | null;
  last_failure_at: Date | null;
}

/**
 * Circuits and the last hour's attempts of a tenant's endpoints, 60 rows at most for each.
 *
 * The last success may be older than that hour. Looking back for it ends at once for an endpoint that works, and soon for
 * one that doesn't: with its circuit open it has few minutes with attempts. The last failure of a healthy endpoint would
 * be a long way back, but is in its circuit's row.
 */
export function loadEndpointHealth(
  manager: EntityManager,
  tenantId: string,
  endpointIds: readonly string[],
): Promise<EndpointHealthRow[]> {
  return manager.query<EndpointHealthRow[]>(
    `SELECT e.id AS endpoint_id, c.state, c.opened_at, c.next_probe_at, c.consecutive_failures,
       coalesce(hour.succeeded, 0)::int AS succeeded, coalesce(hour.failed, 0)::int AS failed, hour.latency_counts,
       greatest(c.last_success_at, success.last_success_at) AS last_success_at,
       greatest(c.last_failure_at, hour.last_failure_at, failure.last_failure_at) AS last_failure_at
     FROM endpoints e
     LEFT JOIN endpoint_circuits c ON c.endpoint_id = e.id
     CROSS JOIN LATERAL (
       SELECT sum(m.succeeded) AS succeeded, sum(m.failed) AS failed, max(m.last_failure_at) AS last_failure_at,
         ${sumsByBucket('m.latency_counts')} AS latency_counts
       FROM attempt_minutes m WHERE m.endpoint_id = e.id AND m.minute > now() - interval '1 hour'
     ) hour
     LEFT JOIN LATERAL (
       SELECT m.last_success_at FROM attempt_minutes m
       WHERE m.endpoint_id = e.id AND m.succeeded > 0 ORDER BY m.minute DESC LIMIT 1
     ) success ON true
     LEFT JOIN LATERAL (
       SELECT m.last_failure_at FROM attempt_minutes m
       -- A circuit that was reset, as when its endpoint was disabled, has forgotten it.
       WHERE c.endpoint_id IS NOT NULL AND c.last_failure_at IS NULL
         AND m.endpoint_id = e.id AND m.failed > 0 ORDER BY m.minute DESC LIMIT 1
     ) failure ON true
     WHERE e.tenant_id = $1 AND e.id = ANY($2::uuid[])
     ORDER BY e.id DESC`,
    [tenantId, endpointIds],
  );
}

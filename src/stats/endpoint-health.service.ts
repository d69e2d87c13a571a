import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { CircuitTransition } from '../circuit-breaker/circuit-transition.entity.js';
import { notFound } from '../common/domain-error.js';
import { newestFirst } from '../common/newest-first.js';
import type { Page } from '../common/pagination.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { Endpoint } from '../endpoints/endpoint.entity.js';
import { findEndpoint } from '../endpoints/find-endpoint.js';
import { countPending } from './count-pending.query.js';
import type { EndpointHealthDetailDto, EndpointHealthDto, EndpointHealthQueryDto } from './endpoint-health.dto.js';
import { loadEndpointHealth, type EndpointHealthRow } from './endpoint-health.query.js';
import { loadEndpointSteps } from './endpoint-steps.query.js';
import { presentLatency, successRate } from './latency.dto.js';
import { fillGaps, hoursOfDay } from './stats-window.js';
import { readDatabaseClock } from './write-rollups.query.js';

const MAX_TRANSITIONS = 20;

interface Counts {
  succeeded: number;
  failed: number;
}
const NO_ATTEMPTS: Counts = { succeeded: 0, failed: 0 };

@Injectable()
export class EndpointHealthService {
  constructor(private readonly db: TenantDatabase) {}

  /** @throws DomainError `not_found`, for another tenant's endpoint too */
  async get(tenantId: string, endpointId: string): Promise<EndpointHealthDetailDto> {
    return this.db.inTenant(tenantId, async (manager) => {
      const { id } = await findEndpoint(manager, tenantId, endpointId);
      const [health] = await loadHealths(manager, tenantId, [id]);
      if (health === undefined) throw notFound('endpoint');
      const transitions = await manager.find(CircuitTransition, {
        where: { endpointId: id },
        order: { id: 'DESC' },
        take: MAX_TRANSITIONS,
      });
      return { ...health, history: transitions.map(({ state, createdAt }) => ({ state, at: createdAt })) };
    });
  }

  async list(tenantId: string, query: EndpointHealthQueryDto): Promise<Page<EndpointHealthDto>> {
    return this.db.inTenant(tenantId, async (manager) => {
      const rows = manager.createQueryBuilder(Endpoint, 'endpoint').select('endpoint.id').where({ tenantId });
      const found = await newestFirst(rows, query).getMany();
      const ids = found.slice(0, query.limit).map(({ id }) => id);
      const healths = ids.length === 0 ? [] : await loadHealths(manager, tenantId, ids);
      return {
        data: query.series === undefined ? healths : await withSeries(manager, tenantId, healths),
        // Not that of the last health shown: an endpoint deleted a moment ago has none.
        next_cursor: found.length > query.limit ? (ids.at(-1) ?? null) : null,
      };
    });
  }
}

/** Newest endpoint first. */
async function loadHealths(
  manager: EntityManager,
  tenantId: string,
  endpointIds: readonly string[],
): Promise<EndpointHealthDto[]> {
  const rows = await loadEndpointHealth(manager, tenantId, endpointIds);
  const pending = await countPending(manager, endpointIds);
  return rows.map((row) => presentHealth(row, pending.get(row.endpoint_id) ?? 0));
}

async function withSeries(
  manager: EntityManager,
  tenantId: string,
  healths: readonly EndpointHealthDto[],
): Promise<EndpointHealthDto[]> {
  const span = hoursOfDay(await readDatabaseClock(manager));
  const ids = healths.map(({ endpoint_id }) => endpoint_id);
  const steps = new Map<string, Map<number, Counts>>(ids.map((id) => [id, new Map()]));
  for (const { endpoint_id, at, succeeded, failed } of await loadEndpointSteps(manager, tenantId, ids, span)) {
    steps.get(endpoint_id)?.set(at.getTime(), { succeeded, failed });
  }
  return healths.map((health) => ({
    ...health,
    series: fillGaps(span, steps.get(health.endpoint_id) ?? new Map<number, Counts>(), NO_ATTEMPTS).map(
      ({ atMs, value }) => ({ at: new Date(atMs), ...value }),
    ),
  }));
}

const presentHealth = (row: EndpointHealthRow, pending: number): EndpointHealthDto => ({
  endpoint_id: row.endpoint_id,
  circuit: {
    state: row.state ?? 'closed',
    opened_at: row.opened_at,
    // While half open the column tells when the probe under way counts as lost, which is nobody else's business.
    next_probe_at: row.state === 'open' ? row.next_probe_at : null,
  },
  consecutive_failures: row.consecutive_failures ?? 0,
  success_rate: successRate(row.succeeded, row.failed),
  latency_ms: presentLatency(row.latency_counts),
  pending,
  last_success_at: row.last_success_at,
  last_failure_at: row.last_failure_at,
});

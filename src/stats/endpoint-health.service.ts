import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CircuitTransition } from '../circuit-breaker/circuit-transition.entity.js';
import { notFound } from '../common/domain-error.js';
import { newestFirst } from '../common/newest-first.js';
import type { Page, PageQueryDto } from '../common/pagination.js';
import { Endpoint } from '../endpoints/endpoint.entity.js';
import { findEndpoint } from '../endpoints/find-endpoint.js';
import { countPending } from './count-pending.query.js';
import type { EndpointHealthDetailDto, EndpointHealthDto } from './endpoint-health.dto.js';
import { loadEndpointHealth, type EndpointHealthRow } from './endpoint-health.query.js';
import { presentLatency, successRate } from './latency.dto.js';

const MAX_TRANSITIONS = 20;

@Injectable()
export class EndpointHealthService {
  constructor(@InjectDataSource() private readonly db: DataSource) {}

  /** @throws DomainError `not_found`, for another tenant's endpoint too */
  async get(tenantId: string, endpointId: string): Promise<EndpointHealthDetailDto> {
    const { id } = await findEndpoint(this.db.manager, tenantId, endpointId);
    const [healths, transitions] = await Promise.all([
      this.load(tenantId, [id]),
      this.db
        .getRepository(CircuitTransition)
        .find({ where: { endpointId: id }, order: { id: 'DESC' }, take: MAX_TRANSITIONS }),
    ]);
    const health = healths[0];
    if (health === undefined) throw notFound('endpoint');
    return { ...health, history: transitions.map(({ state, createdAt }) => ({ state, at: createdAt })) };
  }

  async list(tenantId: string, query: PageQueryDto): Promise<Page<EndpointHealthDto>> {
    const rows = this.db
      .getRepository(Endpoint)
      .createQueryBuilder('endpoint')
      .select('endpoint.id')
      .where({ tenantId });
    const found = await newestFirst(rows, query).getMany();
    const ids = found.slice(0, query.limit).map(({ id }) => id);
    return {
      data: ids.length === 0 ? [] : await this.load(tenantId, ids),
      // Not that of the last health shown: an endpoint deleted a moment ago has none.
      next_cursor: found.length > query.limit ? (ids.at(-1) ?? null) : null,
    };
  }

  /** Newest endpoint first. */
  private async load(tenantId: string, endpointIds: readonly string[]): Promise<EndpointHealthDto[]> {
    const [rows, pending] = await Promise.all([
      loadEndpointHealth(this.db, tenantId, endpointIds),
      countPending(this.db, endpointIds),
    ]);
    return rows.map((row) => presentHealth(row, pending.get(row.endpoint_id) ?? 0));
  }
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

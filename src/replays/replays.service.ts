import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CallerTenant } from '../api-keys/caller.js';
import type { Actor } from '../audit/actor.js';
import { factsOf } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { DomainError, notFound } from '../common/domain-error.js';
import { isUuid, newId } from '../common/ids.js';
import { Config } from '../config/config.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { DeadLetterFilterDto } from '../dead-letters/dead-letter-filter.dto.js';
import type { Endpoint } from '../endpoints/endpoint.entity.js';
import { findEndpoint } from '../endpoints/find-endpoint.js';
import { isOperationalType, wantsEvent } from '../events/event-types.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { allowLongCount, countRunning, lockReplaysOf } from './new-replay.query.js';
import type { ReplayDto, ReplayEndpointDto } from './replay.dto.js';
import {
  Replay,
  type DeadLetterFilter,
  type EndpointReplayFilter,
  type IdRange,
  type ReplayedStatus,
} from './replay.entity.js';
import { presentReplay } from './replay.presenter.js';
import { idBoundsOf, retentionFloorMs, type IdBounds } from './replay-range.js';
import { countDeliveries } from './replayed-deliveries.query.js';
import { countEventsByType } from './replayed-events.query.js';
import { countLetters } from './replayed-letters.query.js';
import { findLastId, type ScanSource } from './scan.query.js';

/** Each takes its turn in the workers, so one tenant's must not be most of them. */
const MAX_RUNNING_OF_TENANT = 20;
const COUNT_TIMEOUT_SECONDS = 60;
/** PostgreSQL's `query_canceled`: the statement ran into its timeout. */
const QUERY_CANCELED = '57014';

/** Takes down what is to be replayed; the workers do it. */
@Injectable()
export class ReplaysService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly config: Config,
  ) {}

  /** @throws DomainError `tenant_suspended`, `not_found`, `validation_failed`, or `conflict` for an inactive endpoint and a second replay */
  async replayEndpoint(
    tenant: CallerTenant,
    actor: Actor,
    endpointId: string,
    dto: ReplayEndpointDto,
  ): Promise<ReplayDto> {
    refuseSuspended(tenant);
    return this.prepare(tenant.id, async (manager) => {
      const endpoint = await findEndpoint(manager, tenant.id, endpointId);
      if (!endpoint.isActive) throw new DomainError('conflict', 'The endpoint is disabled; enable it first.');
      const bounds = await this.boundsOf(manager, tenant.id, dto);
      const locked = await lockReplaysOf(manager, endpoint.id);
      if (!locked || (await this.runningOf(manager, tenant.id)).includes(endpoint.id)) {
        throw new DomainError('conflict', 'A replay of this endpoint is still running.');
      }
      const { filter, total } = await planEndpointReplay(manager, endpoint, bounds, dto.status ?? null);
      const values = { tenantId: tenant.id, kind: 'endpoint', endpointId: endpoint.id, filter } as const;
      const replay = await insertReplay(manager, values, total);
      await recordAction(manager, actor, {
        tenantId: tenant.id,
        action: 'endpoint.replayed',
        subjectId: endpoint.id,
        changes: factsOf({ replay_id: replay.id, ...dto, total }),
      });
      return replay;
    });
  }

  /** @throws DomainError `tenant_suspended`, `validation_failed`, or `conflict` when too many are running */
  async retryDeadLetters(tenant: CallerTenant, actor: Actor, dto: DeadLetterFilterDto): Promise<ReplayDto> {
    refuseSuspended(tenant);
    const { after, before } = dto;
    // Dead letters have no retention: they stay until they are dealt with.
    const bounds = idBoundsOf({ from: ['after', after], through: ['before', before] }, Date.now(), 0);
    return this.prepare(tenant.id, async (manager) => {
      await this.runningOf(manager, tenant.id);
      const filter: DeadLetterFilter = {
        ...(await fixRange(manager, 'dead_letters', tenant.id, bounds)),
        endpointId: dto.endpoint_id ?? null,
        eventType: dto.event_type ?? null,
        reason: dto.reason ?? null,
      };
      const total = await countLetters(manager, tenant.id, filter);
      const values = { tenantId: tenant.id, kind: 'dead_letters', endpointId: null, filter } as const;
      const replay = await insertReplay(manager, values, total);
      await recordAction(manager, actor, {
        tenantId: tenant.id,
        action: 'dead_letter.bulk_retried',
        subjectKind: 'replay',
        subjectId: replay.id,
        changes: factsOf({ ...dto, total }),
      });
      return replay;
    });
  }

  async get(tenantId: string, id: string): Promise<ReplayDto> {
    const replay = isUuid(id)
      ? await this.db.inTenant(tenantId, (manager) => manager.findOneBy(Replay, { tenantId, id }))
      : null;
    if (replay === null) throw notFound('replay');
    return presentReplay(replay);
  }

  private async prepare(tenantId: string, work: (manager: EntityManager) => Promise<Replay>): Promise<ReplayDto> {
    try {
      const replay = await this.db.inTenant(tenantId, async (manager) => {
        await allowLongCount(manager, COUNT_TIMEOUT_SECONDS);
        return work(manager);
      });
      return presentReplay(replay);
    } catch (error) {
      if ((error as { code?: unknown }).code !== QUERY_CANCELED) throw error;
      throw new DomainError('conflict', 'That is more than can be counted in a minute; ask for a shorter time.');
    }
  }

  private async boundsOf(manager: EntityManager, tenantId: string, dto: ReplayEndpointDto): Promise<IdBounds> {
    const tenant = await manager.findOneBy(Tenant, { id: tenantId });
    if (tenant === null) throw notFound('tenant');
    const nowMs = Date.now();
    const floorMs = retentionFloorMs(nowMs, this.config.retentionDays, tenant.retentionDays);
    return idBoundsOf({ from: ['since', dto.since], through: ['until', dto.until] }, nowMs, floorMs);
  }

  /** @returns the endpoints that a replay is running of */
  private async runningOf(manager: EntityManager, tenantId: string): Promise<string[]> {
    const running = await countRunning(manager, tenantId);
    if (running.total >= MAX_RUNNING_OF_TENANT) {
      throw new DomainError('conflict', `${running.total} replays are still running; wait for one to end.`);
    }
    return running.endpointIds;
  }
}

function refuseSuspended({ status }: CallerTenant): void {
  if (status === 'suspended') throw new DomainError('tenant_suspended', 'The tenant is suspended.');
}

async function planEndpointReplay(
  manager: EntityManager,
  endpoint: Endpoint,
  bounds: IdBounds,
  status: ReplayedStatus | null,
): Promise<{ filter: EndpointReplayFilter; total: number }> {
  const { tenantId, id: endpointId } = endpoint;
  if (status !== null && status !== 'missing') {
    const range = await fixRange(manager, 'deliveries', endpointId, bounds);
    const total = await countDeliveries(manager, { tenantId, endpointId, status, ...range });
    return { filter: { ...range, status, eventTypes: null }, total };
  }
  const isMissing = status === 'missing';
  const range = await fixRange(manager, 'events', tenantId, bounds);
  const types = await countEventsByType(manager, { tenantId, missingAt: isMissing ? endpointId : null, ...range });
  // Operational events tell of a moment: nobody misses those from before an endpoint asked for them.
  const wanted = types.filter(
    ({ event_type }) => wantsEvent(endpoint.eventTypes, event_type) && !(isMissing && isOperationalType(event_type)),
  );
  return {
    filter: { ...range, status, eventTypes: wanted.map(({ event_type }) => event_type) },
    total: wanted.reduce((sum, { n }) => sum + n, 0),
  };
}

/** What there is now is what is replayed; nothing at all is a range without an id in it. */
async function fixRange(
  manager: EntityManager,
  source: ScanSource,
  ownerId: string,
  bounds: IdBounds,
): Promise<IdRange> {
  const lastId = await findLastId(manager, source, ownerId, bounds);
  return { fromId: bounds.fromId, throughId: lastId ?? bounds.fromId };
}

/** One that found nothing is done at once. */
async function insertReplay(
  manager: EntityManager,
  values: Pick<Replay, 'tenantId' | 'kind' | 'endpointId' | 'filter'>,
  total: number,
): Promise<Replay> {
  const id = newId();
  const isDone = total === 0;
  await manager
    .createQueryBuilder()
    .insert()
    .into(Replay)
    .values({ id, ...values, total, ...(isDone ? { status: 'completed', finishedAt: () => 'now()' } : {}) })
    .execute();
  return manager.findOneByOrFail(Replay, { id });
}

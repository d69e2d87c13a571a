import { Injectable } from '@nestjs/common';
import { MoreThanOrEqual, type EntityManager } from 'typeorm';
import type { CallerTenant } from '../api-keys/caller.js';
import type { Actor } from '../audit/actor.js';
import { factsOf } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { DomainError, notFound, validationFailed } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page } from '../common/pagination.js';
import { Config } from '../config/config.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { Delivery } from '../deliveries/delivery.entity.js';
import { insertFresh } from '../deliveries/insert-fresh.query.js';
import { resolveRetryPolicy } from '../deliveries/retry-policy.js';
import { wantsEvent } from './event-types.js';
import type {
  EventDeliveryDto,
  EventSummaryDto,
  ListEventsQueryDto,
  ReplayedEventDto,
  ReplayEventDto,
} from './event.dto.js';
import { EventEntity } from './event.entity.js';
import { eventJson, presentEventSummary } from './event.presenter.js';
import { isValidKey } from './idempotency-key.js';
import { findReplayTargets, type ReplayTarget } from './replay-targets.query.js';

const MAX_SHOWN_DELIVERIES = 1_000;

/** Reads events that were published, and delivers them anew. */
@Injectable()
export class EventsReader {
  constructor(
    private readonly db: TenantDatabase,
    private readonly config: Config,
  ) {}

  async list(tenantId: string, query: ListEventsQueryDto): Promise<Page<EventSummaryDto>> {
    const events = await this.db.inTenant(tenantId, (manager) => findPage(manager, tenantId, query));
    return toPage(events, query.limit, presentEventSummary);
  }

  /**
   * @param id ours, or the tenant's own `event_id`
   * @returns JSON text, in which the payload stands byte for byte
   */
  async get(tenantId: string, id: string): Promise<string> {
    const { event, deliveries } = await this.db.inTenant(tenantId, async (manager) => {
      const found = await findEvent(manager, tenantId, id);
      const itsDeliveries = await manager.find(Delivery, {
        select: { id: true, endpointId: true, status: true, attempts: true },
        where: { tenantId, eventId: found.id, id: MoreThanOrEqual(found.id) },
        order: { id: 'ASC' },
        take: MAX_SHOWN_DELIVERIES,
      });
      return { event: found, deliveries: itsDeliveries };
    });
    return eventJson(event, deliveries.map(presentEventDelivery));
  }

  /**
   * Fresh deliveries with all attempts. Receivers see the same `webhook-id` and can tell that they had it before.
   * @throws DomainError `validation_failed` for endpoints that the tenant doesn't have
   */
  async replay(tenant: CallerTenant, actor: Actor, id: string, dto: ReplayEventDto): Promise<ReplayedEventDto> {
    if (tenant.status === 'suspended') throw new DomainError('tenant_suspended', 'The tenant is suspended.');
    const named = dto.endpoint_ids
      ? [...new Set(dto.endpoint_ids.map((endpointId) => endpointId.toLowerCase()))]
      : null;
    return this.db.inTenant(tenant.id, async (manager) => {
      const event = await findEvent(manager, tenant.id, id);
      const targets = await findReplayTargets(manager, tenant.id, named);
      if (named !== null) refuseUnknown(named, targets);
      const wanted =
        named === null ? targets.filter((t) => t.is_active && wantsEvent(t.event_types, event.eventType)) : targets;
      const ids = await insertFresh(
        manager,
        { tenantId: tenant.id, eventId: event.id, eventType: event.eventType, deadLetterId: null },
        wanted.map((target) => ({ endpointId: target.id, maxAttempts: this.maxAttemptsOf(target) })),
      );
      await recordAction(manager, actor, {
        tenantId: tenant.id,
        action: 'event.replayed',
        subjectId: event.id,
        changes: factsOf({ endpoint_ids: named, deliveries: ids.length }),
      });
      const deliveries = wanted.flatMap(({ id: endpointId }, index): EventDeliveryDto[] => {
        const deliveryId = ids[index];
        return deliveryId === undefined
          ? []
          : [{ id: deliveryId, endpoint_id: endpointId, status: 'pending', attempts: 0 }];
      });
      return { id: event.id, event_id: event.eventId, event_type: event.eventType, deliveries };
    });
  }

  private maxAttemptsOf({ retry_policy, tenant_retry_policy }: ReplayTarget): number {
    return resolveRetryPolicy(retry_policy, tenant_retry_policy, this.config.defaultRetryPolicy).maxAttempts;
  }
}

function findPage(manager: EntityManager, tenantId: string, query: ListEventsQueryDto): Promise<EventEntity[]> {
  const rows = newestFirst(
    manager
      .createQueryBuilder(EventEntity, 'event')
      .select(['event.id', 'event.eventId', 'event.eventType', 'event.source', 'event.createdAt'])
      .where({ tenantId }),
    query,
  );
  if (query.event_type !== undefined) rows.andWhere('event.eventType = :eventType', { eventType: query.event_type });
  if (query.event_id !== undefined) rows.andWhere('event.eventId = :eventId', { eventId: query.event_id });
  if (query.source !== undefined) rows.andWhere('event.source = :source', { source: query.source });
  return rows.getMany();
}

/** Of several events under one own id, the latest: the id is free again after its idempotency window. */
async function findEvent(manager: EntityManager, tenantId: string, id: string): Promise<EventEntity> {
  const byId = isUuid(id) ? await manager.findOneBy(EventEntity, { tenantId, id }) : null;
  if (byId !== null) return byId;
  const byOwnId = isValidKey(id)
    ? await manager.findOne(EventEntity, { where: { tenantId, eventId: id }, order: { id: 'DESC' } })
    : null;
  if (byOwnId === null) throw notFound('event');
  return byOwnId;
}

const presentEventDelivery = ({ id, endpointId, status, attempts }: Delivery): EventDeliveryDto => ({
  id,
  endpoint_id: endpointId,
  status,
  attempts,
});

function refuseUnknown(named: readonly string[], targets: readonly ReplayTarget[]): void {
  const known = new Set(targets.map((target) => target.id));
  const unknown = named.filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  throw validationFailed([{ field: 'endpoint_ids', message: `no such endpoint: ${unknown.join(', ')}` }]);
}

import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { MoreThanOrEqual, type DataSource } from 'typeorm';
import type { CallerTenant } from '../api-keys/caller.js';
import { DomainError, notFound, validationFailed } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page } from '../common/pagination.js';
import { Config } from '../config/config.js';
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
    @InjectDataSource() private readonly db: DataSource,
    private readonly config: Config,
  ) {}

  async list(tenantId: string, query: ListEventsQueryDto): Promise<Page<EventSummaryDto>> {
    const rows = newestFirst(
      this.db
        .getRepository(EventEntity)
        .createQueryBuilder('event')
        .select(['event.id', 'event.eventId', 'event.eventType', 'event.source', 'event.createdAt'])
        .where({ tenantId }),
      query,
    );
    if (query.event_type !== undefined) rows.andWhere('event.eventType = :eventType', { eventType: query.event_type });
    if (query.event_id !== undefined) rows.andWhere('event.eventId = :eventId', { eventId: query.event_id });
    if (query.source !== undefined) rows.andWhere('event.source = :source', { source: query.source });
    return toPage(await rows.getMany(), query.limit, presentEventSummary);
  }

  /**
   * @param id ours, or the tenant's own `event_id`
   * @returns JSON text, in which the payload stands byte for byte
   */
  async get(tenantId: string, id: string): Promise<string> {
    const event = await this.find(tenantId, id);
    const deliveries = await this.db.getRepository(Delivery).find({
      select: { id: true, endpointId: true, status: true, attempts: true },
      where: { tenantId, eventId: event.id, id: MoreThanOrEqual(event.id) },
      order: { id: 'ASC' },
      take: MAX_SHOWN_DELIVERIES,
    });
    return eventJson(event, deliveries.map(presentEventDelivery));
  }

  /**
   * Fresh deliveries with all attempts. Receivers see the same `webhook-id` and can tell that they had it before.
   * @throws DomainError `validation_failed` for endpoints that the tenant doesn't have
   */
  async replay(tenant: CallerTenant, id: string, dto: ReplayEventDto): Promise<ReplayedEventDto> {
    if (tenant.status === 'suspended') throw new DomainError('tenant_suspended', 'The tenant is suspended.');
    const event = await this.find(tenant.id, id);
    const named = dto.endpoint_ids
      ? [...new Set(dto.endpoint_ids.map((endpointId) => endpointId.toLowerCase()))]
      : null;
    const deliveries = await this.db.transaction(async (manager) => {
      const targets = await findReplayTargets(manager, tenant.id, named);
      if (named !== null) refuseUnknown(named, targets);
      const wanted =
        named === null ? targets.filter((t) => t.is_active && wantsEvent(t.event_types, event.eventType)) : targets;
      const ids = await insertFresh(
        manager,
        { tenantId: tenant.id, eventId: event.id, eventType: event.eventType, deadLetterId: null },
        wanted.map((target) => ({ endpointId: target.id, maxAttempts: this.maxAttemptsOf(target) })),
      );
      return wanted.flatMap(({ id: endpointId }, index): EventDeliveryDto[] => {
        const deliveryId = ids[index];
        return deliveryId === undefined
          ? []
          : [{ id: deliveryId, endpoint_id: endpointId, status: 'pending', attempts: 0 }];
      });
    });
    return { id: event.id, event_id: event.eventId, event_type: event.eventType, deliveries };
  }

  /** Of several events under one own id, the latest: the id is free again after its idempotency window. */
  private async find(tenantId: string, id: string): Promise<EventEntity> {
    const events = this.db.getRepository(EventEntity);
    const byId = isUuid(id) ? await events.findOneBy({ tenantId, id }) : null;
    if (byId !== null) return byId;
    const byOwnId = isValidKey(id)
      ? await events.findOne({ where: { tenantId, eventId: id }, order: { id: 'DESC' } })
      : null;
    if (byOwnId === null) throw notFound('event');
    return byOwnId;
  }

  private maxAttemptsOf({ retry_policy, tenant_retry_policy }: ReplayTarget): number {
    return resolveRetryPolicy(retry_policy, tenant_retry_policy, this.config.defaultRetryPolicy).maxAttempts;
  }
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

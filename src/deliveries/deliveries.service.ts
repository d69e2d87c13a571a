import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../audit/actor.js';
import { recordAction } from '../audit/record-action.query.js';
import { DomainError, notFound } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page, type PageQueryDto } from '../common/pagination.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { renderBody } from '../sending/delivery-request.js';
import { Rollup } from '../stats/rollup.service.js';
import type { AttemptDto } from './attempt.dto.js';
import { presentAttempt } from './attempt.presenter.js';
import { cancelDelivery } from './cancel-delivery.query.js';
import { DeliveryAttempt } from './delivery-attempt.entity.js';
import type { DeliveryDto, ListDeliveriesQueryDto } from './delivery.dto.js';
import { Delivery } from './delivery.entity.js';
import { presentDelivery } from './delivery.presenter.js';
import { findEventIds } from './find-event-ids.query.js';
import { findSentEvent } from './find-sent-event.query.js';
import { loadRetryConditions, makeDueNow, type RetryConditions } from './retry-delivery.query.js';

@Injectable()
export class DeliveriesService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly rollup: Rollup,
  ) {}

  async list(tenantId: string, query: ListDeliveriesQueryDto): Promise<Page<DeliveryDto>> {
    const deliveries = await this.db.inTenant(tenantId, (manager) => findPage(manager, tenantId, query));
    return toPage(deliveries, query.limit, presentDelivery);
  }

  async get(tenantId: string, id: string): Promise<DeliveryDto> {
    return presentDelivery(await this.db.inTenant(tenantId, (manager) => findDelivery(manager, tenantId, id)));
  }

  /** In the order in which they were made: what happened to a delivery reads as a timeline. */
  async attempts(tenantId: string, id: string, { limit, cursor }: PageQueryDto): Promise<Page<AttemptDto>> {
    const { attempts, event } = await this.db.inTenant(tenantId, async (manager) => {
      const delivery = await findDelivery(manager, tenantId, id);
      return {
        attempts: await findAttempts(manager, delivery.id, { limit, cursor }),
        event: await findSentEvent(manager, tenantId, delivery.id),
      };
    });
    return toPage(attempts, limit, (attempt) => presentAttempt(attempt, event && renderBody(event, attempt.format)));
  }

  /**
   * One attempt now, whatever the schedule and however often it was tried.
   * @throws DomainError `conflict` where an attempt makes no sense or is not possible
   */
  retry(tenantId: string, actor: Actor, id: string): Promise<DeliveryDto> {
    return this.db.inTenant(tenantId, async (manager) => {
      const conditions = isUuid(id) ? await loadRetryConditions(manager, tenantId, id) : null;
      if (conditions === null) throw notFound('delivery');
      const obstacle = obstacleToRetry(conditions);
      if (obstacle !== null) throw new DomainError('conflict', obstacle);
      if (!(await makeDueNow(manager, tenantId, id))) throw new DomainError('conflict', CANCELLED);
      await recordAction(manager, actor, { tenantId, action: 'delivery.retried', subjectId: id });
      return presentDelivery(await findDelivery(manager, tenantId, id));
    });
  }

  /** @throws DomainError `conflict` when it isn't pending */
  async cancel(tenantId: string, actor: Actor, id: string): Promise<DeliveryDto> {
    const delivery = await this.db.inTenant(tenantId, async (manager) => {
      const cancelled = isUuid(id) && (await cancelDelivery(manager, tenantId, id));
      const found = await findDelivery(manager, tenantId, id);
      if (!cancelled) throw new DomainError('conflict', `The delivery is not pending but ${found.status}.`);
      await recordAction(manager, actor, { tenantId, action: 'delivery.cancelled', subjectId: found.id });
      return found;
    });
    // One that was retried by hand has the status back that it was counted with.
    if (delivery.status === 'cancelled') this.rollup.settled(tenantId, 'cancelled');
    return presentDelivery(delivery);
  }
}

async function findPage(manager: EntityManager, tenantId: string, query: ListDeliveriesQueryDto): Promise<Delivery[]> {
  const rows = newestFirst(manager.createQueryBuilder(Delivery, 'delivery').where({ tenantId }), query);
  if (query.event_id !== undefined) {
    const eventIds = await findEventIds(manager, tenantId, query.event_id);
    // A delivery's id sorts after its event's: older partitions needn't be looked at.
    rows.andWhere('delivery.eventId = ANY(:eventIds::uuid[]) AND delivery.id >= :earliest', {
      eventIds,
      earliest: eventIds.reduce((least, id) => (id < least ? id : least), 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    });
  }
  if (query.endpoint_id !== undefined)
    rows.andWhere('delivery.endpointId = :endpointId', { endpointId: query.endpoint_id });
  if (query.status !== undefined) rows.andWhere('delivery.status = :status', { status: query.status });
  // True of every one that is pending, and what their partial indexes ask for: few are found without a walk through all others.
  if (query.status === 'pending') rows.andWhere(STANDS_SOMEWHERE);
  if (query.event_type !== undefined) rows.andWhere('delivery.eventType = :eventType', { eventType: query.event_type });
  return rows.getMany();
}

const STANDS_SOMEWHERE = `(delivery.leasedUntil IS NOT NULL
  OR delivery.leasedUntil IS NULL AND delivery.nextAttemptAt IS NOT NULL OR delivery.heldBy IS NOT NULL)`;

function findAttempts(
  manager: EntityManager,
  deliveryId: string,
  { limit, cursor }: PageQueryDto,
): Promise<DeliveryAttempt[]> {
  const rows = manager
    .createQueryBuilder(DeliveryAttempt, 'attempt')
    .where('attempt.deliveryId = :deliveryId AND attempt.id >= :deliveryId', { deliveryId })
    .orderBy('attempt.attempt', 'DESC')
    .addOrderBy('attempt.id', 'DESC')
    .limit(limit + 1);
  if (cursor !== undefined) {
    // By number, not by id: ids are made on the workers' clocks, which may differ.
    rows.andWhere(
      `(attempt.attempt, attempt.id) <
       (SELECT last.attempt, last.id FROM delivery_attempts last WHERE last.id = :cursor AND last.delivery_id = :deliveryId)`,
      { cursor },
    );
  }
  return rows.getMany();
}

async function findDelivery(manager: EntityManager, tenantId: string, id: string): Promise<Delivery> {
  const delivery = isUuid(id) ? await manager.findOneBy(Delivery, { tenantId, id }) : null;
  if (delivery === null) throw notFound('delivery');
  return delivery;
}

const CANCELLED = 'The delivery was cancelled.';

function obstacleToRetry(conditions: RetryConditions): string | null {
  if (conditions.status === 'cancelled') return CANCELLED;
  if (conditions.endpoint_is_active === null) return 'The endpoint was deleted.';
  if (!conditions.endpoint_is_active) return 'The endpoint is disabled; enable it first.';
  if (conditions.tenant_status === 'suspended') return 'The tenant is suspended.';
  return conditions.has_payload ? null : 'The event is no longer kept, so there is nothing to send.';
}

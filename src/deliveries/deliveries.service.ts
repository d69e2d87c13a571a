import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DomainError, notFound } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page, type PageQueryDto } from '../common/pagination.js';
import { renderBody } from '../sending/delivery-request.js';
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
  constructor(@InjectDataSource() private readonly db: DataSource) {}

  async list(tenantId: string, query: ListDeliveriesQueryDto): Promise<Page<DeliveryDto>> {
    const rows = newestFirst(this.db.getRepository(Delivery).createQueryBuilder('delivery').where({ tenantId }), query);
    if (query.event_id !== undefined) {
      const eventIds = await findEventIds(this.db, tenantId, query.event_id);
      // A delivery's id sorts after its event's: older partitions needn't be looked at.
      rows.andWhere('delivery.eventId = ANY(:eventIds::uuid[]) AND delivery.id >= :earliest', {
        eventIds,
        earliest: eventIds.reduce((least, id) => (id < least ? id : least), 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
      });
    }
    if (query.endpoint_id !== undefined)
      rows.andWhere('delivery.endpointId = :endpointId', { endpointId: query.endpoint_id });
    if (query.status !== undefined) rows.andWhere('delivery.status = :status', { status: query.status });
    if (query.event_type !== undefined)
      rows.andWhere('delivery.eventType = :eventType', { eventType: query.event_type });
    return toPage(await rows.getMany(), query.limit, presentDelivery);
  }

  async get(tenantId: string, id: string): Promise<DeliveryDto> {
    return presentDelivery(await this.find(tenantId, id));
  }

  /** In the order in which they were made: what happened to a delivery reads as a timeline. */
  async attempts(tenantId: string, id: string, { limit, cursor }: PageQueryDto): Promise<Page<AttemptDto>> {
    const delivery = await this.find(tenantId, id);
    const rows = this.db
      .getRepository(DeliveryAttempt)
      .createQueryBuilder('attempt')
      .where('attempt.deliveryId = :deliveryId AND attempt.id >= :deliveryId', { deliveryId: delivery.id })
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
    const event = await findSentEvent(this.db, tenantId, delivery.id);
    return toPage(await rows.getMany(), limit, (attempt) =>
      presentAttempt(attempt, event && renderBody(event, attempt.format)),
    );
  }

  /**
   * One attempt now, whatever the schedule and however often it was tried.
   * @throws DomainError `conflict` where an attempt makes no sense or is not possible
   */
  async retry(tenantId: string, id: string): Promise<DeliveryDto> {
    const conditions = isUuid(id) ? await loadRetryConditions(this.db, tenantId, id) : null;
    if (conditions === null) throw notFound('delivery');
    const obstacle = obstacleToRetry(conditions);
    if (obstacle !== null) throw new DomainError('conflict', obstacle);
    if (!(await makeDueNow(this.db, tenantId, id))) throw new DomainError('conflict', CANCELLED);
    return this.get(tenantId, id);
  }

  /** @throws DomainError `conflict` when it isn't pending */
  async cancel(tenantId: string, id: string): Promise<DeliveryDto> {
    const cancelled = isUuid(id) && (await cancelDelivery(this.db, tenantId, id));
    const delivery = await this.get(tenantId, id);
    if (cancelled) return delivery;
    throw new DomainError('conflict', `The delivery is not pending but ${delivery.status}.`);
  }

  private async find(tenantId: string, id: string): Promise<Delivery> {
    const delivery = isUuid(id) ? await this.db.getRepository(Delivery).findOneBy({ tenantId, id }) : null;
    if (delivery === null) throw notFound('delivery');
    return delivery;
  }
}

const CANCELLED = 'The delivery was cancelled.';

function obstacleToRetry(conditions: RetryConditions): string | null {
  if (conditions.status === 'cancelled') return CANCELLED;
  if (conditions.endpoint_is_active === null) return 'The endpoint was deleted.';
  if (!conditions.endpoint_is_active) return 'The endpoint is disabled; enable it first.';
  if (conditions.tenant_status === 'suspended') return 'The tenant is suspended.';
  return conditions.has_payload ? null : 'The event is no longer kept, so there is nothing to send.';
}

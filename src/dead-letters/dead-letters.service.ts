import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { IsNull, type DataSource } from 'typeorm';
import { DomainError, notFound } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page } from '../common/pagination.js';
import { Config } from '../config/config.js';
import type { DeliveryDto } from '../deliveries/delivery.dto.js';
import { Delivery } from '../deliveries/delivery.entity.js';
import { presentDelivery } from '../deliveries/delivery.presenter.js';
import { insertFresh } from '../deliveries/insert-fresh.query.js';
import { resolveRetryPolicy } from '../deliveries/retry-policy.js';
import type { DeadLetterSummaryDto, ListDeadLettersQueryDto } from './dead-letter.dto.js';
import { DeadLetter } from './dead-letter.entity.js';
import { deadLetterJson, presentDeadLetterSummary } from './dead-letter.presenter.js';
import { loadLetterRetryConditions, type LetterRetryConditions } from './retry-conditions.query.js';

@Injectable()
export class DeadLettersService {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly config: Config,
  ) {}

  async list(tenantId: string, query: ListDeadLettersQueryDto): Promise<Page<DeadLetterSummaryDto>> {
    const letters = this.db.getRepository(DeadLetter);
    const columns = letters.metadata.columns.map((column) => column.propertyName).filter((name) => name !== 'payload');
    const rows = newestFirst(
      letters
        .createQueryBuilder('letter')
        .select(columns.map((name) => `letter.${name}`))
        .where({ tenantId }),
      query,
    );
    if (query.endpoint_id !== undefined)
      rows.andWhere('letter.endpointId = :endpointId', { endpointId: query.endpoint_id });
    if (query.event_type !== undefined) rows.andWhere('letter.eventType = :eventType', { eventType: query.event_type });
    if (query.reason !== undefined) rows.andWhere('letter.reason = :reason', { reason: query.reason });
    if (query.resolved !== undefined) rows.andWhere(`letter.resolvedAt IS ${query.resolved ? 'NOT NULL' : 'NULL'}`);
    return toPage(await rows.getMany(), query.limit, presentDeadLetterSummary);
  }

  /** @returns JSON text, in which the payload stands byte for byte */
  async get(tenantId: string, id: string): Promise<string> {
    return deadLetterJson(await this.find(tenantId, id));
  }

  /**
   * A fresh delivery with all attempts. The letter is resolved when that succeeds.
   * @throws DomainError `conflict` when it is resolved already, can't be delivered, or is being retried
   */
  async retry(tenantId: string, id: string): Promise<DeliveryDto> {
    if (!isUuid(id)) throw notFound('dead letter');
    return this.db.transaction(async (manager) => {
      const letter = await manager.findOne(DeadLetter, {
        where: { tenantId, id },
        lock: { mode: 'pessimistic_write' },
      });
      if (letter === null) throw notFound('dead letter');
      const conditions = await loadLetterRetryConditions(manager, letter);
      if (conditions === null) throw notFound('tenant');
      const obstacle = letter.resolvedAt === null ? obstacleToRetry(conditions) : ALREADY_RESOLVED;
      if (obstacle !== null) throw new DomainError('conflict', obstacle);
      const { endpoint_retry_policy, tenant_retry_policy } = conditions;
      const { maxAttempts } = resolveRetryPolicy(
        endpoint_retry_policy,
        tenant_retry_policy,
        this.config.defaultRetryPolicy,
      );
      const { eventId, eventType, endpointId } = letter;
      const fresh = { tenantId, eventId, eventType, deadLetterId: letter.id };
      const [deliveryId] = await insertFresh(manager, fresh, [{ endpointId, maxAttempts }]);
      return presentDelivery(await manager.findOneByOrFail(Delivery, { tenantId, id: deliveryId }));
    });
  }

  /** @throws DomainError `conflict` when it is resolved already */
  async resolve(tenantId: string, id: string): Promise<string> {
    if (!isUuid(id)) throw notFound('dead letter');
    const { affected } = await this.db
      .getRepository(DeadLetter)
      .update({ tenantId, id, resolvedAt: IsNull() }, { resolvedAt: () => 'now()', resolution: 'resolved' });
    const letter = await this.find(tenantId, id);
    if (affected === 0) throw new DomainError('conflict', ALREADY_RESOLVED);
    return deadLetterJson(letter);
  }

  private async find(tenantId: string, id: string): Promise<DeadLetter> {
    const letter = isUuid(id) ? await this.db.getRepository(DeadLetter).findOneBy({ tenantId, id }) : null;
    if (letter === null) throw notFound('dead letter');
    return letter;
  }
}

const ALREADY_RESOLVED = 'The dead letter is resolved already.';

function obstacleToRetry(conditions: LetterRetryConditions): string | null {
  if (conditions.endpoint_is_active === null) return 'The endpoint was deleted.';
  if (!conditions.endpoint_is_active) return 'The endpoint is disabled; enable it first.';
  if (conditions.tenant_status === 'suspended') return 'The tenant is suspended.';
  return conditions.is_retry_pending ? 'A retry of this dead letter is still under way.' : null;
}

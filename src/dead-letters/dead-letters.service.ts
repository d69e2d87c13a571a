import { Injectable } from '@nestjs/common';
import { IsNull, type EntityManager } from 'typeorm';
import type { Actor } from '../audit/actor.js';
import { factsOf } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { DomainError, notFound } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page } from '../common/pagination.js';
import { Config } from '../config/config.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { DeliveryDto } from '../deliveries/delivery.dto.js';
import { Delivery } from '../deliveries/delivery.entity.js';
import { presentDelivery } from '../deliveries/delivery.presenter.js';
import { insertFresh } from '../deliveries/insert-fresh.query.js';
import { resolveRetryPolicy } from '../deliveries/retry-policy.js';
import { idBoundsOf } from '../replays/replay-range.js';
import type { DeadLetterFilterDto } from './dead-letter-filter.dto.js';
import {
  MAX_RESOLVED_AT_ONCE,
  type DeadLetterSummaryDto,
  type ListDeadLettersQueryDto,
  type ResolvedDeadLettersDto,
} from './dead-letter.dto.js';
import { DeadLetter } from './dead-letter.entity.js';
import { deadLetterJson, presentDeadLetterSummary } from './dead-letter.presenter.js';
import { resolveLetters } from './resolve-letters.query.js';
import { loadLetterRetryConditions, type LetterRetryConditions } from './retry-conditions.query.js';

@Injectable()
export class DeadLettersService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly config: Config,
  ) {}

  async list(tenantId: string, query: ListDeadLettersQueryDto): Promise<Page<DeadLetterSummaryDto>> {
    const letters = await this.db.inTenant(tenantId, (manager) => findPage(manager, tenantId, query));
    return toPage(letters, query.limit, presentDeadLetterSummary);
  }

  /** @returns JSON text, in which the payload stands byte for byte */
  async get(tenantId: string, id: string): Promise<string> {
    return deadLetterJson(await this.db.inTenant(tenantId, (manager) => findLetter(manager, tenantId, id)));
  }

  /**
   * A fresh delivery with all attempts. The letter is resolved when that succeeds.
   * @throws DomainError `conflict` when it is resolved already, can't be delivered, or is being retried
   */
  async retry(tenantId: string, actor: Actor, id: string): Promise<DeliveryDto> {
    if (!isUuid(id)) throw notFound('dead letter');
    return this.db.inTenant(tenantId, async (manager) => {
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
      const changes = factsOf({ delivery_id: deliveryId });
      await recordAction(manager, actor, { tenantId, action: 'dead_letter.retried', subjectId: letter.id, changes });
      return presentDelivery(await manager.findOneByOrFail(Delivery, { tenantId, id: deliveryId }));
    });
  }

  /** @throws DomainError `conflict` when it is resolved already */
  async resolve(tenantId: string, actor: Actor, id: string): Promise<string> {
    if (!isUuid(id)) throw notFound('dead letter');
    const resolved = await this.db.inTenant(tenantId, async (manager) => {
      const { affected } = await manager.update(
        DeadLetter,
        { tenantId, id, resolvedAt: IsNull() },
        { resolvedAt: () => 'now()', resolution: 'resolved' },
      );
      const letter = await findLetter(manager, tenantId, id);
      if (affected === 0) throw new DomainError('conflict', ALREADY_RESOLVED);
      await recordAction(manager, actor, { tenantId, action: 'dead_letter.resolved', subjectId: letter.id });
      return letter;
    });
    return deadLetterJson(resolved);
  }

  /**
   * Up to {@link MAX_RESOLVED_AT_ONCE} of those that match, oldest first.
   * @throws DomainError `validation_failed`
   */
  async resolveMatching(tenantId: string, actor: Actor, dto: DeadLetterFilterDto): Promise<ResolvedDeadLettersDto> {
    const range = { from: ['after', dto.after], through: ['before', dto.before] } as const;
    const bounds = idBoundsOf(range, Date.now(), 0);
    const ids = await this.db.inTenant(tenantId, async (manager) => {
      const resolved = await resolveLetters(manager, tenantId, { ...dto, ...bounds }, MAX_RESOLVED_AT_ONCE);
      const actions = resolved.map((id) => ({ tenantId, action: 'dead_letter.resolved' as const, subjectId: id }));
      await recordAction(manager, actor, ...actions);
      return resolved;
    });
    return { resolved: ids.length, has_more: ids.length === MAX_RESOLVED_AT_ONCE };
  }
}

function findPage(manager: EntityManager, tenantId: string, query: ListDeadLettersQueryDto): Promise<DeadLetter[]> {
  const letters = manager.getRepository(DeadLetter);
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
  return rows.getMany();
}

async function findLetter(manager: EntityManager, tenantId: string, id: string): Promise<DeadLetter> {
  const letter = isUuid(id) ? await manager.findOneBy(DeadLetter, { tenantId, id }) : null;
  if (letter === null) throw notFound('dead letter');
  return letter;
}

const ALREADY_RESOLVED = 'The dead letter is resolved already.';

function obstacleToRetry(conditions: LetterRetryConditions): string | null {
  if (conditions.endpoint_is_active === null) return 'The endpoint was deleted.';
  if (!conditions.endpoint_is_active) return 'The endpoint is disabled; enable it first.';
  if (conditions.tenant_status === 'suspended') return 'The tenant is suspended.';
  return conditions.is_retry_pending ? 'A retry of this dead letter is still under way.' : null;
}

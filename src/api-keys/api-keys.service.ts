import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import type { Actor } from '../audit/actor.js';
import { changesBetween, factsOf, type AuditedFields } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { DomainError, notFound, validationFailed } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page, type PageQueryDto } from '../common/pagination.js';
import { TenantDatabase } from '../database/tenant-database.js';
import {
  DEFAULT_KEY_OVERLAP_SECONDS,
  type ApiKeyDto,
  type CreateApiKeyDto,
  type CreatedApiKeyDto,
  type RotateApiKeyDto,
} from './api-key.dto.js';
import { ApiKey, SCOPES } from './api-key.entity.js';
import { presentApiKey } from './api-key.presenter.js';
import { Authenticator } from './authenticator.js';
import type { Caller } from './caller.js';
import { newApiKey } from './new-api-key.js';
import { refuseMoreThanOwn } from './own-scopes.js';

@Injectable()
export class ApiKeysService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly authenticator: Authenticator,
  ) {}

  /** @throws DomainError `missing_scope` when the caller would give a scope that it doesn't have */
  async create(tenantId: string, caller: Caller, actor: Actor, dto: CreateApiKeyDto): Promise<CreatedApiKeyDto> {
    const scopes = dto.scopes ?? [...SCOPES];
    refuseMoreThanOwn(caller, scopes);
    const expiresAt = typeof dto.expires_at === 'string' ? new Date(dto.expires_at) : null;
    if (expiresAt !== null && expiresAt.getTime() <= Date.now()) {
      throw validationFailed([{ field: 'expires_at', message: 'must be in the future' }]);
    }
    const { key, row } = newApiKey({ tenantId, name: dto.name, scopes, expiresAt });
    await this.db.inTenant(tenantId, async (manager) => {
      await manager.insert(ApiKey, row);
      const changes = changesBetween(null, row, AUDITED_FIELDS);
      await recordAction(manager, actor, { tenantId, action: 'api_key.created', subjectId: row.id, changes });
    });
    return { ...presentApiKey(row), key };
  }

  /** Revoked and expired keys too: they show who once had access. */
  async list(tenantId: string, query: PageQueryDto): Promise<Page<ApiKeyDto>> {
    const rows = await this.db.inTenant(tenantId, (manager) =>
      newestFirst(manager.createQueryBuilder(ApiKey, 'key').where({ tenantId }), query).getMany(),
    );
    return toPage(rows, query.limit, presentApiKey);
  }

  /**
   * A new key with the old one's name, scopes and lifetime; the old one lives on for the overlap, or less if it was to
   * expire sooner. Once a key: its end is then that of the overlap, and says nothing of the life that a next one should have.
   * @throws DomainError `missing_scope` when the old key can do more than the caller, `conflict` when it is no longer valid or
   *   has a successor
   */
  async rotate(
    tenantId: string,
    caller: Caller,
    actor: Actor,
    id: string,
    dto: RotateApiKeyDto,
  ): Promise<CreatedApiKeyDto> {
    if (!isUuid(id)) throw notFound('API key');
    const overlapMs = (dto.overlap_seconds ?? DEFAULT_KEY_OVERLAP_SECONDS) * 1_000;
    const rotated = await this.db.inTenant(tenantId, async (manager) => {
      const old = await manager.findOne(ApiKey, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
      if (old === null) throw notFound('API key');
      refuseMoreThanOwn(caller, old.scopes);
      const now = Date.now();
      if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt.getTime() <= now)) {
        throw new DomainError('conflict', 'The API key is revoked or expired; create a new one instead.');
      }
      if (old.replacedBy !== null) {
        throw new DomainError('conflict', `The API key was rotated already; rotate its successor, ${old.replacedBy}.`);
      }
      const lifetimeMs = old.expiresAt === null ? null : old.expiresAt.getTime() - old.createdAt.getTime();
      const { key, row } = newApiKey({
        tenantId,
        name: old.name,
        scopes: old.scopes,
        expiresAt: lifetimeMs === null ? null : new Date(now + lifetimeMs),
      });
      await manager.insert(ApiKey, row);
      const endsAt = new Date(Math.min(now + overlapMs, old.expiresAt?.getTime() ?? Infinity));
      const end = overlapMs === 0 ? { revokedAt: new Date(now) } : { expiresAt: endsAt };
      await manager.update(ApiKey, { tenantId, id: old.id }, { ...end, replacedBy: row.id });
      const changes = changesBetween(old, { ...old, ...end }, AUDITED_FIELDS).concat(factsOf({ successor_id: row.id }));
      await recordAction(manager, actor, { tenantId, action: 'api_key.rotated', subjectId: old.id, changes });
      return { ...presentApiKey(row), key };
    });
    this.authenticator.forget();
    return rotated;
  }

  /** Ends the key's validity at once. Revoking it again changes nothing. */
  async revoke(tenantId: string, actor: Actor, id: string): Promise<void> {
    if (!isUuid(id)) throw notFound('API key');
    await this.db.inTenant(tenantId, async (manager) => {
      if (!(await manager.existsBy(ApiKey, { tenantId, id }))) throw notFound('API key');
      const { affected } = await manager.update(
        ApiKey,
        { tenantId, id, revokedAt: IsNull() },
        { revokedAt: () => 'now()' },
      );
      if (affected !== 0) await recordAction(manager, actor, { tenantId, action: 'api_key.revoked', subjectId: id });
    });
    this.authenticator.forget();
  }
}

const AUDITED_FIELDS: AuditedFields<ApiKey> = {
  name: { value: ({ name }) => name },
  scopes: { value: ({ scopes }) => scopes },
  expires_at: { value: ({ expiresAt }) => expiresAt },
  revoked_at: { value: ({ revokedAt }) => revokedAt },
};

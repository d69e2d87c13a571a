import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { IsNull, type DataSource } from 'typeorm';
import { DomainError, notFound, validationFailed } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page, type PageQueryDto } from '../common/pagination.js';
import {
  DEFAULT_KEY_OVERLAP_SECONDS,
  type ApiKeyDto,
  type CreateApiKeyDto,
  type CreatedApiKeyDto,
  type RotateApiKeyDto,
} from './api-key.dto.js';
import { ApiKey, SCOPES, type Scope } from './api-key.entity.js';
import { presentApiKey } from './api-key.presenter.js';
import { Authenticator } from './authenticator.js';
import type { Caller } from './caller.js';
import { newApiKey } from './new-api-key.js';

@Injectable()
export class ApiKeysService {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly authenticator: Authenticator,
  ) {}

  /** @throws DomainError `missing_scope` when the caller would give a scope that it doesn't have */
  async create(tenantId: string, caller: Caller, dto: CreateApiKeyDto): Promise<CreatedApiKeyDto> {
    const scopes = dto.scopes ?? [...SCOPES];
    refuseMoreThanOwn(caller, scopes);
    const expiresAt = typeof dto.expires_at === 'string' ? new Date(dto.expires_at) : null;
    if (expiresAt !== null && expiresAt.getTime() <= Date.now()) {
      throw validationFailed([{ field: 'expires_at', message: 'must be in the future' }]);
    }
    const { key, row } = newApiKey({ tenantId, name: dto.name, scopes, expiresAt });
    await this.db.getRepository(ApiKey).insert(row);
    return { ...presentApiKey(row), key };
  }

  /** Revoked and expired keys too: they show who once had access. */
  async list(tenantId: string, query: PageQueryDto): Promise<Page<ApiKeyDto>> {
    const keys = this.db.getRepository(ApiKey).createQueryBuilder('key').where({ tenantId });
    return toPage(await newestFirst(keys, query).getMany(), query.limit, presentApiKey);
  }

  /**
   * A new key with the old one's name, scopes and lifetime; the old one lives on for the overlap, or less if it was to
   * expire sooner.
   * @throws DomainError `missing_scope` when the old key can do more than the caller, `conflict` when it is no longer valid
   */
  async rotate(tenantId: string, caller: Caller, id: string, dto: RotateApiKeyDto): Promise<CreatedApiKeyDto> {
    if (!isUuid(id)) throw notFound('API key');
    const overlapMs = (dto.overlap_seconds ?? DEFAULT_KEY_OVERLAP_SECONDS) * 1_000;
    const rotated = await this.db.transaction(async (manager) => {
      const old = await manager.findOne(ApiKey, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
      if (old === null) throw notFound('API key');
      refuseMoreThanOwn(caller, old.scopes);
      const now = Date.now();
      if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt.getTime() <= now)) {
        throw new DomainError('conflict', 'The API key is revoked or expired; create a new one instead.');
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
      await manager.update(ApiKey, { id }, overlapMs === 0 ? { revokedAt: new Date(now) } : { expiresAt: endsAt });
      return { ...presentApiKey(row), key };
    });
    this.authenticator.forget();
    return rotated;
  }

  /** Ends the key's validity at once. Revoking it again changes nothing. */
  async revoke(tenantId: string, id: string): Promise<void> {
    const keys = this.db.getRepository(ApiKey);
    if (!isUuid(id) || !(await keys.existsBy({ tenantId, id }))) throw notFound('API key');
    await keys.update({ tenantId, id, revokedAt: IsNull() }, { revokedAt: () => 'now()' });
    this.authenticator.forget();
  }
}

/** Or else a key that may make keys could make itself one that may do anything. */
function refuseMoreThanOwn(caller: Caller, scopes: readonly Scope[]): void {
  const missing = scopes.filter((scope) => !caller.scopes.has(scope));
  if (missing.length === 0) return;
  throw new DomainError('missing_scope', `This API key can't give what it doesn't have: ${missing.join(', ')}.`);
}

import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, QueryDeepPartialEntity } from 'typeorm';
import type { Actor } from '../audit/actor.js';
import { changesBetween, type AuditedFields } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { Authenticator } from '../api-keys/authenticator.js';
import { ApiKey, SCOPES } from '../api-keys/api-key.entity.js';
import { newApiKey } from '../api-keys/new-api-key.js';
import { notFound } from '../common/domain-error.js';
import { isUuid, newId } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page, type PageQueryDto } from '../common/pagination.js';
import { SecretBox } from '../common/secret-box.js';
import { allowLongStatements, releaseSuspended } from '../deliveries/release-held.query.js';
import { readRetryPolicy } from '../deliveries/retry-policy.dto.js';
import { generateSecret } from '../signing/webhook-secret.js';
import { TenantRemovals } from './tenant-removals.service.js';
import { TenantRemoval } from './tenant-removal.entity.js';
import { sealTenantSecret } from './tenant-secret.js';
import {
  DEFAULT_RATE_LIMIT,
  type CreatedTenantDto,
  type CreateTenantDto,
  type TenantDto,
  type UpdateTenantDto,
} from './tenant.dto.js';
import { Tenant } from './tenant.entity.js';
import { presentTenant } from './tenant.presenter.js';

const AUDITED_FIELDS: AuditedFields<Tenant> = {
  name: { value: ({ name }) => name },
  // The log outlives the tenant; a person's address should not.
  email: { value: ({ email }) => email, shown: null },
  status: { value: ({ status }) => status },
  rate_limit: { value: ({ rateLimit }) => rateLimit },
  delivery_rate_limit: { value: ({ deliveryRateLimit }) => deliveryRateLimit },
  retry_policy: { value: ({ retryPolicy }) => retryPolicy },
  retention_days: { value: ({ retentionDays }) => retentionDays },
  require_signed_publish: { value: ({ requireSignedPublish }) => requireSignedPublish },
};

/** The operator's side: the tenants themselves. */
@Injectable()
export class TenantsService {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly secretBox: SecretBox,
    private readonly authenticator: Authenticator,
    private readonly removals: TenantRemovals,
  ) {}

  /** The only time that the API key and the secret key are shown. */
  async create(actor: Actor, dto: CreateTenantDto): Promise<CreatedTenantDto> {
    const id = newId();
    const secretKey = generateSecret('standard');
    const { key, row } = newApiKey({ tenantId: id, name: 'default', scopes: [...SCOPES], expiresAt: null });
    const tenant = this.db.getRepository(Tenant).create({
      id,
      name: dto.name,
      email: dto.email ?? null,
      rateLimit: dto.rate_limit === undefined ? DEFAULT_RATE_LIMIT : dto.rate_limit,
      deliveryRateLimit: dto.delivery_rate_limit ?? null,
      retentionDays: dto.retention_days ?? null,
      requireSignedPublish: dto.require_signed_publish ?? false,
      secretKeySealed: sealTenantSecret(this.secretBox, id, secretKey),
    });
    tenant.retryPolicy = readRetryPolicy(dto.retry_policy) ?? null;
    await this.db.transaction(async (manager) => {
      await manager.insert(Tenant, tenant);
      await manager.insert(ApiKey, row);
      const changes = changesBetween(null, tenant, AUDITED_FIELDS);
      await recordAction(
        manager,
        actor,
        { tenantId: id, action: 'tenant.created', subjectId: id, changes },
        { tenantId: id, action: 'api_key.created', subjectId: row.id },
      );
    });
    return { ...presentTenant(tenant), api_key: key, secret_key: secretKey };
  }

  async list(query: PageQueryDto): Promise<Page<TenantDto>> {
    const rows = await newestFirst(this.db.getRepository(Tenant).createQueryBuilder('tenant'), query).getMany();
    return toPage(rows, query.limit, presentTenant);
  }

  async get(id: string): Promise<TenantDto> {
    const tenant = isUuid(id) ? await this.db.getRepository(Tenant).findOneBy({ id }) : null;
    if (tenant === null) throw notFound('tenant');
    return presentTenant(tenant);
  }

  /** Resuming lets out what waited while the tenant was suspended. */
  async update(actor: Actor, id: string, dto: UpdateTenantDto): Promise<TenantDto> {
    if (!isUuid(id)) throw notFound('tenant');
    const changes: QueryDeepPartialEntity<Tenant> = {
      name: dto.name,
      email: dto.email,
      status: dto.status,
      rateLimit: dto.rate_limit,
      deliveryRateLimit: dto.delivery_rate_limit,
      retryPolicy: readRetryPolicy(dto.retry_policy),
      retentionDays: dto.retention_days,
      requireSignedPublish: dto.require_signed_publish,
    };
    const updated = await this.db.transaction(async (manager) => {
      // Not against those who refer to the tenant, as a new endpoint does.
      const before = await manager.findOne(Tenant, { where: { id }, lock: { mode: 'for_no_key_update' } });
      if (before === null) throw notFound('tenant');
      await manager.update(Tenant, { id }, { ...changes, updatedAt: () => 'now()' });
      if (dto.status === 'active') await releaseSuspended(manager, id);
      const after = await manager.findOneByOrFail(Tenant, { id });
      await recordAction(manager, actor, {
        tenantId: after.id,
        action: before.status === 'active' && after.status === 'suspended' ? 'tenant.suspended' : 'tenant.updated',
        subjectId: after.id,
        changes: changesBetween(before, after, AUDITED_FIELDS),
      });
      return after;
    });
    this.authenticator.forget();
    return presentTenant(updated);
  }

  /** Takes the tenant away at once; its events, deliveries and attempts follow in the background. */
  async remove(actor: Actor, id: string): Promise<void> {
    if (!isUuid(id)) throw notFound('tenant');
    await this.db.transaction(async (manager) => {
      await allowLongStatements(manager);
      const { affected } = await manager.delete(Tenant, { id });
      if (affected === 0) throw notFound('tenant');
      await manager.insert(TenantRemoval, { tenantId: id });
      await recordAction(manager, actor, { tenantId: id, action: 'tenant.deleted', subjectId: id });
    });
    this.authenticator.forget();
    this.removals.startInBackground();
  }
}

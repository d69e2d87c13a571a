import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, QueryDeepPartialEntity } from 'typeorm';
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
  async create(dto: CreateTenantDto): Promise<CreatedTenantDto> {
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
      secretKeySealed: sealTenantSecret(this.secretBox, id, secretKey),
    });
    tenant.retryPolicy = readRetryPolicy(dto.retry_policy) ?? null;
    await this.db.transaction(async (manager) => {
      await manager.insert(Tenant, tenant);
      await manager.insert(ApiKey, row);
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
  async update(id: string, dto: UpdateTenantDto): Promise<TenantDto> {
    if (!isUuid(id)) throw notFound('tenant');
    const changes: QueryDeepPartialEntity<Tenant> = {
      name: dto.name,
      email: dto.email,
      status: dto.status,
      rateLimit: dto.rate_limit,
      deliveryRateLimit: dto.delivery_rate_limit,
      retryPolicy: readRetryPolicy(dto.retry_policy),
      retentionDays: dto.retention_days,
    };
    await this.db.transaction(async (manager) => {
      const { affected } = await manager.update(Tenant, { id }, { ...changes, updatedAt: () => 'now()' });
      if (affected === 0) throw notFound('tenant');
      if (dto.status === 'active') await releaseSuspended(manager, id);
    });
    this.authenticator.forget();
    return this.get(id);
  }

  /** Takes the tenant away at once; its events, deliveries and attempts follow in the background. */
  async remove(id: string): Promise<void> {
    if (!isUuid(id)) throw notFound('tenant');
    await this.db.transaction(async (manager) => {
      await allowLongStatements(manager);
      const { affected } = await manager.delete(Tenant, { id });
      if (affected === 0) throw notFound('tenant');
      await manager.insert(TenantRemoval, { tenantId: id });
    });
    this.authenticator.forget();
    this.removals.startInBackground();
  }
}

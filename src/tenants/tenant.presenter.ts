import type { TenantDto } from './tenant.dto.js';
import type { Tenant } from './tenant.entity.js';

export const presentTenant = (tenant: Tenant): TenantDto => ({
  id: tenant.id,
  name: tenant.name,
  email: tenant.email,
  status: tenant.status,
  rate_limit: tenant.rateLimit,
  delivery_rate_limit: tenant.deliveryRateLimit,
  retry_policy: tenant.retryPolicy,
  retention_days: tenant.retentionDays,
  require_signed_publish: tenant.requireSignedPublish,
  created_at: tenant.createdAt,
  updated_at: tenant.updatedAt,
});

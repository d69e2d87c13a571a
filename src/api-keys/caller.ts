import type { TenantStatus } from '../tenants/tenant.entity.js';
import type { Scope } from './api-key.entity.js';

/** What the guards, services and buckets need to know of the tenant a request acts for. */
export interface CallerTenant {
  id: string;
  status: TenantStatus;
  /** Events accepted a minute; null: no limit. */
  rateLimit: number | null;
}

/** Who makes a request, set by the auth guard. */
export interface Caller {
  kind: 'operator' | 'api_key';
  keyId: string | null;
  scopes: ReadonlySet<Scope>;
  /** Null on the operator's own routes. */
  tenant: CallerTenant | null;
}

import type { ApiApp, TestTenant } from './api-app.js';
import type { HookServer } from './hook-server.js';

export interface AuditedTenant {
  tenant: TestTenant;
  /** Of the key that came with the tenant. */
  keyId: string;
  /** Of an endpoint with a header whose value is secret. */
  endpointId: string;
}

/** A tenant of whom there is something to write down. */
export async function createAuditedTenant(api: ApiApp, hooks: HookServer): Promise<AuditedTenant> {
  const tenant = await api.createTenant();
  const endpoint = { url: hooks.url('/hook'), headers: { 'x-token': 'header-value' } };
  const endpointId = (await tenant.call<{ id: string }>('POST', '/endpoints', endpoint)).body.id;
  const keyId = (await tenant.call<{ data: { id: string }[] }>('GET', '/api-keys')).body.data[0]?.id ?? '';
  return { tenant, keyId, endpointId };
}

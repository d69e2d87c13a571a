import type { EntityManager } from 'typeorm';
import { notFound } from '../common/domain-error.js';
import type { SecretBox } from '../common/secret-box.js';
import { Tenant } from './tenant.entity.js';

export const tenantSecretContext = (tenantId: string): string => `tenant:${tenantId}:secret_key`;

export const sealTenantSecret = (box: SecretBox, tenantId: string, secretKey: string): string =>
  box.seal(secretKey, tenantSecretContext(tenantId));

/** @throws SecretBoxError when it was sealed with a key that this installation doesn't have */
export const openTenantSecret = (box: SecretBox, tenantId: string, sealed: string): string =>
  box.open(sealed, tenantSecretContext(tenantId));

/** @throws DomainError `not_found` */
export async function sealedTenantSecretOf(manager: EntityManager, tenantId: string): Promise<string> {
  const tenant = await manager.findOneBy(Tenant, { id: tenantId });
  if (tenant === null) throw notFound('tenant');
  return tenant.secretKeySealed;
}

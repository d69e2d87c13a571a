import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { CallerTenant } from '../api-keys/caller.js';
import { DomainError } from '../common/domain-error.js';
import { SecretBox } from '../common/secret-box.js';
import { openTenantSecret, sealedTenantSecretOf } from '../tenants/tenant-secret.js';

/** A tenant's `secret_key` never changes; it is forgotten so that no more of them lie in memory than are in use. */
const CACHE_MS = 10_000;

/**
 * Checks what a producer signed: `X-Signature: sha256=<hex of HMAC-SHA256 over the body as sent>`, with the UTF-8 bytes of the
 * whole `secret_key`, as a `sha256` endpoint's deliveries have it. For tenants that require it; others pay nothing.
 */
@Injectable()
export class PublishSignatures {
  private readonly secrets: LRUCache<string, string>;

  constructor(@InjectDataSource() db: DataSource, secretBox: SecretBox) {
    this.secrets = new LRUCache({
      max: 1_000,
      ttl: CACHE_MS,
      fetchMethod: async (tenantId) =>
        openTenantSecret(secretBox, tenantId, await sealedTenantSecretOf(db.manager, tenantId)),
    });
  }

  /**
   * The operator acting for the tenant must sign as well: who holds one secret more is not exempt from the other.
   * @throws DomainError `signature_required` or `invalid_signature`
   */
  async assert(tenant: CallerTenant, body: Buffer, signature: string | undefined): Promise<void> {
    if (!tenant.requireSignedPublish) return;
    if (signature === undefined || signature === '') {
      throw new DomainError('signature_required', 'This tenant signs what it publishes: X-Signature is missing.');
    }
    const given = /^sha256=([0-9a-f]{64})$/i.exec(signature)?.[1];
    const secret = await this.secrets.forceFetch(tenant.id);
    const expected = createHmac('sha256', secret).update(body).digest();
    if (given === undefined || !timingSafeEqual(Buffer.from(given, 'hex'), expected)) {
      throw new DomainError('invalid_signature', 'X-Signature is not that of this body.');
    }
  }
}

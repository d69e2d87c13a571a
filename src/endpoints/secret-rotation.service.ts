import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { generateSecret, publicKeyOf } from '../signing/webhook-secret.js';
import { sealedTenantSecretOf } from '../tenants/tenant-secret.js';
import { EndpointSecrets, refuseInvalidSecret } from './endpoint-secrets.service.js';
import { DEFAULT_SECRET_OVERLAP_SECONDS, type EndpointSecretDto, type RotateSecretDto } from './endpoint.dto.js';
import { Endpoint } from './endpoint.entity.js';
import { findEndpoint, lockEndpoint } from './find-endpoint.js';

/** Shows an endpoint's signing secret and replaces it. */
@Injectable()
export class SecretRotation {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly secrets: EndpointSecrets,
  ) {}

  /** The tenant's `secret_key` where that is what the endpoint signs with. */
  async show(tenantId: string, id: string): Promise<EndpointSecretDto> {
    const endpoint = await findEndpoint(this.db.manager, tenantId, id);
    const secretKeySealed = await sealedTenantSecretOf(this.db.manager, tenantId);
    return present(endpoint, this.secrets.currentSecret(endpoint, secretKeySealed));
  }

  /** An endpoint that signed with the tenant's `secret_key` has a secret of its own from then on. */
  async rotate(tenantId: string, id: string, dto: RotateSecretDto): Promise<EndpointSecretDto> {
    const overlapSeconds = dto.overlap_seconds ?? DEFAULT_SECRET_OVERLAP_SECONDS;
    return this.db.transaction(async (manager) => {
      const endpoint = await lockEndpoint(manager, tenantId, id);
      if (dto.secret !== undefined) refuseInvalidSecret(endpoint.signature, dto.secret);
      const secret = dto.secret ?? generateSecret(endpoint.signature);
      const secretKeySealed = await sealedTenantSecretOf(manager, tenantId);
      await manager.update(
        Endpoint,
        { tenantId, id: endpoint.id },
        {
          retiredSecrets: this.secrets.retire(endpoint, secretKeySealed, overlapSeconds, new Date()),
          secretSealed: this.secrets.sealSecret(endpoint.id, secret),
          updatedAt: () => 'now()',
        },
      );
      return present(endpoint, secret);
    });
  }
}

function present({ signature }: Endpoint, secret: string): EndpointSecretDto {
  return { secret, public_key: signature === 'standard-ed25519' ? publicKeyOf(secret) : null };
}

import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/actor.js';
import { factsOf } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { TenantDatabase } from '../database/tenant-database.js';
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
    private readonly db: TenantDatabase,
    private readonly secrets: EndpointSecrets,
  ) {}

  /** The tenant's `secret_key` where that is what the endpoint signs with. */
  show(tenantId: string, actor: Actor, id: string): Promise<EndpointSecretDto> {
    return this.db.inTenant(tenantId, async (manager) => {
      const endpoint = await findEndpoint(manager, tenantId, id);
      const secretKeySealed = await sealedTenantSecretOf(manager, tenantId);
      await recordAction(manager, actor, { tenantId, action: 'endpoint.secret_read', subjectId: endpoint.id });
      return present(endpoint, this.secrets.currentSecret(endpoint, secretKeySealed));
    });
  }

  /** An endpoint that signed with the tenant's `secret_key` has a secret of its own from then on. */
  async rotate(tenantId: string, actor: Actor, id: string, dto: RotateSecretDto): Promise<EndpointSecretDto> {
    const overlapSeconds = dto.overlap_seconds ?? DEFAULT_SECRET_OVERLAP_SECONDS;
    return this.db.inTenant(tenantId, async (manager) => {
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
      const changes = factsOf({ overlap_seconds: overlapSeconds });
      await recordAction(manager, actor, {
        tenantId,
        action: 'endpoint.secret_rotated',
        subjectId: endpoint.id,
        changes,
      });
      return present(endpoint, secret);
    });
  }
}

function present({ signature }: Endpoint, secret: string): EndpointSecretDto {
  return { secret, public_key: signature === 'standard-ed25519' ? publicKeyOf(secret) : null };
}

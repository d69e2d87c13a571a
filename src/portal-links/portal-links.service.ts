import { Injectable } from '@nestjs/common';
import { Authenticator } from '../api-keys/authenticator.js';
import type { Caller, CallerTenant, Credential } from '../api-keys/caller.js';
import { CallerTokens } from '../api-keys/caller-tokens.js';
import { refuseMoreThanOwn } from '../api-keys/own-scopes.js';
import type { Actor } from '../audit/actor.js';
import { factsOf } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { DomainError, notFound } from '../common/domain-error.js';
import { TenantDatabase } from '../database/tenant-database.js';
import {
  DEFAULT_PORTAL_SCOPES,
  DEFAULT_PORTAL_SECONDS,
  type CreatePortalLinkDto,
  type PortalLinkDto,
} from './portal-link.dto.js';
import { PublicUrl } from './public-url.js';

/** Links that let a person look after one tenant in a browser for a while. */
@Injectable()
export class PortalLinksService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly authenticator: Authenticator,
    private readonly tokens: CallerTokens,
    private readonly publicUrl: PublicUrl,
  ) {}

  /** @throws DomainError `not_found` for a tenant that isn't the caller's, `missing_scope` for more than the caller has */
  async create(
    tenantId: string,
    caller: Caller,
    credential: Credential,
    actor: Actor,
    dto: CreatePortalLinkDto,
  ): Promise<PortalLinkDto> {
    const tenant = await this.tenantOf(caller, tenantId);
    const scopes = dto.scopes ?? DEFAULT_PORTAL_SCOPES.filter((scope) => caller.scopes.has(scope));
    refuseMoreThanOwn(caller, scopes);
    if (scopes.length === 0) {
      throw new DomainError('missing_scope', 'This API key has no scope that a portal link could have.');
    }
    const lifetimeMs = (dto.expires_in_seconds ?? DEFAULT_PORTAL_SECONDS) * 1_000;
    const { token, id, expiresAt } = await this.tokens.issue(
      'portal',
      { kind: 'portal', tenantId: tenant.id, keyId: caller.keyId, scopes },
      new Date(Math.min(Date.now() + lifetimeMs, credential.keyExpiresAt ?? Infinity)),
    );
    // Nothing of the link is kept but this, so it has to be there before the link is given away.
    await this.db.inTenant(tenant.id, (manager) =>
      recordAction(manager, actor, {
        tenantId: tenant.id,
        action: 'portal_link.created',
        subjectKind: 'tenant',
        subjectId: tenant.id,
        changes: factsOf({ token_id: id, scopes, expires_at: expiresAt }),
      }),
    );
    // In the fragment, so that it comes into no log and no Referer on its way.
    return { url: `${this.publicUrl.toString()}/#portal=${token}`, expires_at: expiresAt };
  }

  private async tenantOf({ kind, tenant }: Caller, tenantId: string): Promise<CallerTenant> {
    const named = kind === 'operator' ? (await this.authenticator.operatorFor(tenantId)).tenant : tenant;
    if (named === null || named.id !== tenantId.toLowerCase()) throw notFound('tenant');
    return named;
  }
}

import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { SCOPES } from '../api-keys/api-key.entity.js';
import type { Caller, Credential } from '../api-keys/caller.js';
import { CallerTokens } from '../api-keys/caller-tokens.js';
import { EndedSessions } from '../api-keys/ended-sessions.js';
import type { Actor } from '../audit/actor.js';
import { factsOf } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { DomainError } from '../common/domain-error.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { Tenant } from '../tenants/tenant.entity.js';
import type { SessionDto } from './session.dto.js';

const SESSION_MS = 8 * 3_600_000;

/** A cookie's content, and what its page is told. */
export interface NewSession {
  token: string;
  expiresAt: Date;
  session: SessionDto;
}

/** A person's browser: a key or portal link turned into a cookie that no script can read. */
@Injectable()
export class SessionsService {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly tenantDatabase: TenantDatabase,
    private readonly tokens: CallerTokens,
    private readonly endedSessions: EndedSessions,
  ) {}

  /** @throws DomainError `forbidden` for a token of OAuth2, or a session: neither may make itself last longer */
  async begin(caller: Caller, { kind, keyExpiresAt, tokenExpiresAt }: Credential, actor: Actor): Promise<NewSession> {
    if (kind !== 'key' && kind !== 'portal_token') {
      throw new DomainError('forbidden', 'A session begins with an API key or a portal link.');
    }
    const endMs = Math.min(tokenExpiresAt ?? Date.now() + SESSION_MS, keyExpiresAt ?? Infinity);
    const tenantId = caller.tenant?.id ?? null;
    const scopes = SCOPES.filter((scope) => caller.scopes.has(scope));
    const { token, id, expiresAt } = await this.tokens.issue(
      'session',
      { kind: caller.kind, tenantId, keyId: caller.keyId, scopes },
      new Date(endMs),
    );
    const session = await this.describe(caller, expiresAt, this.tokens.csrfTokenOf(id));
    // Nothing of the session is kept but this, so it has to be there before the cookie is given away.
    await this.inTransactionFor(tenantId, (manager) =>
      recordAction(manager, actor, {
        tenantId,
        action: 'session.created',
        // Where it began with the operator's key, which has no id, the session stands for itself.
        ...(caller.keyId === null ? { subjectId: id } : { subjectKind: 'api_key', subjectId: caller.keyId }),
        changes: factsOf({ token_id: id, scopes, expires_at: expiresAt }),
      }),
    );
    return { token, expiresAt, session };
  }

  show(caller: Caller, { tokenExpiresAt, csrfToken }: Credential): Promise<SessionDto> {
    return this.describe(caller, new Date(tokenExpiresAt ?? 0), csrfToken ?? '');
  }

  /** No copy of its cookie is good any more. */
  async end({ tokenId, tokenExpiresAt }: Credential): Promise<void> {
    if (tokenId === null || tokenExpiresAt === null) throw new Error('Only a session can be ended.');
    await this.endedSessions.add(tokenId, new Date(tokenExpiresAt));
  }

  /** The operator's own sessions belong to no tenant. */
  private inTransactionFor(tenantId: string | null, work: (manager: EntityManager) => Promise<void>): Promise<void> {
    return tenantId === null ? this.db.transaction(work) : this.tenantDatabase.inTenant(tenantId, work);
  }

  private async describe(caller: Caller, expiresAt: Date, csrfToken: string): Promise<SessionDto> {
    return {
      kind: caller.kind,
      tenant: await this.tenantOf(caller),
      scopes: SCOPES.filter((scope) => caller.scopes.has(scope)),
      expires_at: expiresAt,
      csrf_token: csrfToken,
    };
  }

  private async tenantOf({ tenant }: Caller): Promise<SessionDto['tenant']> {
    if (tenant === null) return null;
    const found = await this.db.getRepository(Tenant).findOneBy({ id: tenant.id });
    // Deleted in the second that the guard believes what it knows.
    if (found === null) throw new DomainError('unauthorized', 'The tenant is no longer there.');
    return { id: found.id, name: found.name };
  }
}

import { Injectable } from '@nestjs/common';
import type { JWTPayload } from 'jose';
import { timingSafeEqual } from 'node:crypto';
import { isUuid } from '../common/ids.js';
import { Config } from '../config/config.js';
import type { TokenUse } from '../tokens/token-keys.js';
import { Tokens, type IssuedToken, type VerifiedToken } from '../tokens/tokens.js';
import { SCOPES, type Scope } from './api-key.entity.js';
import type { Authenticated, Caller, CallerKind, CredentialKind } from './caller.js';
import { EndedSessions } from './ended-sessions.js';
import { KnownKeys } from './known-keys.js';

/** What a token gives its holder. It ends with the key that it was made with, be that an API key or the operator's. */
export interface Grant {
  kind: CallerKind;
  /** Null: the operator itself. */
  tenantId: string | null;
  scopes: readonly Scope[];
  /** Null: made with the operator's key. */
  keyId: string | null;
}

const KINDS: readonly CallerKind[] = ['operator', 'api_key', 'portal'];
const CREDENTIALS: Readonly<Record<TokenUse, CredentialKind>> = {
  access: 'access_token',
  portal: 'portal_token',
  session: 'session',
};

/** Makes tokens for callers, and knows the caller by the token. */
@Injectable()
export class CallerTokens {
  constructor(
    private readonly tokens: Tokens,
    private readonly knownKeys: KnownKeys,
    private readonly endedSessions: EndedSessions,
    private readonly config: Config,
  ) {}

  issue(use: TokenUse, grant: Grant, expiresAt: Date): Promise<IssuedToken> {
    const { kind, tenantId, keyId, scopes } = grant;
    const claims: JWTPayload = {
      kind,
      ...(tenantId === null ? {} : { tenant_id: tenantId, scope: scopes.join(' ') }),
      ...(keyId === null ? { operator_key: this.operatorMark() } : { client_id: keyId }),
    };
    return this.tokens.issue(use, { subject: keyId ?? 'operator', claims, expiresAt });
  }

  /** What a page must send beside the cookie that holds this token. */
  csrfTokenOf(sessionId: string): string {
    return this.tokens.mark('csrf', sessionId);
  }

  /** @returns null when the token is not good for one of these uses, was signed out of, or the key behind it is no longer good */
  async authenticate(uses: readonly TokenUse[], token: string): Promise<Authenticated | null> {
    const verified = await this.tokens.verify(uses, token);
    const grant = verified && grantOf(verified.claims);
    if (verified === null || grant === null) return null;
    const holder = grant.keyId === null ? await this.ofOperator(grant, verified) : await this.ofKey(grant, grant.keyId);
    if (holder === null || (verified.use === 'session' && (await this.endedSessions.has(verified.id)))) return null;
    return {
      caller: holder.caller,
      credential: {
        kind: CREDENTIALS[verified.use],
        keyExpiresAt: holder.keyExpiresAt,
        tokenId: verified.id,
        tokenExpiresAt: verified.expiresAt,
        csrfToken: verified.use === 'session' ? this.tokens.mark('csrf', verified.id, verified.key) : null,
      },
    };
  }

  private async ofKey(
    { kind, tenantId, scopes }: Grant,
    keyId: string,
  ): Promise<{ caller: Caller; keyExpiresAt: number | null } | null> {
    const known = tenantId === null ? null : await this.knownKeys.byId(tenantId, keyId);
    if (known === null) return null;
    // A person who looks around is no use of the key that the link was made with.
    if (kind === 'api_key') this.knownKeys.noteUse(keyId);
    const own = scopes.filter((scope) => known.caller.scopes.has(scope));
    return { caller: { ...known.caller, kind, scopes: new Set(own) }, keyExpiresAt: known.expiresAt };
  }

  private async ofOperator(
    { kind, tenantId, scopes }: Grant,
    { claims, key }: VerifiedToken,
  ): Promise<{ caller: Caller; keyExpiresAt: null } | null> {
    const mark = Buffer.from(String(claims.operator_key));
    const ours = Buffer.from(this.operatorMark(key));
    if (mark.length !== ours.length || !timingSafeEqual(mark, ours)) return null;
    const tenant = tenantId === null ? null : await this.knownKeys.tenant(tenantId);
    if (tenantId !== null && tenant === null) return null;
    return {
      caller: { kind, keyId: null, scopes: new Set(kind === 'operator' ? SCOPES : scopes), tenant },
      keyExpiresAt: null,
    };
  }

  /** Ties a token to the operator's key without telling anything of it: with another key the mark is another. */
  private operatorMark(key?: VerifiedToken['key']): string {
    return this.tokens.mark('operator-key', this.config.adminApiKey, key);
  }
}

/** Null for claims that no grant of ours has. The signature says that we made them, not that this version did. */
export function grantOf(claims: JWTPayload): Grant | null {
  const { kind, tenant_id: tenantId = null, client_id: keyId = null, scope = '' } = claims;
  const known = KINDS.find((name) => name === kind);
  if (known === undefined || typeof scope !== 'string' || !isIdOrNull(tenantId) || !isIdOrNull(keyId)) return null;
  // The operator acts for no one tenant, and everybody else for exactly one.
  if ((known === 'operator') !== (tenantId === null) || (known === 'operator' && keyId !== null)) return null;
  if (known === 'api_key' && keyId === null) return null;
  const named = new Set(scope.split(' '));
  return { kind: known, tenantId, keyId, scopes: SCOPES.filter((name) => named.has(name)) };
}

const isIdOrNull = (value: unknown): value is string | null =>
  value === null || (typeof value === 'string' && isUuid(value));

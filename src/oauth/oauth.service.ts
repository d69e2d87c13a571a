import { Injectable } from '@nestjs/common';
import type { Scope } from '../api-keys/api-key.entity.js';
import { Authenticator } from '../api-keys/authenticator.js';
import { CallerTokens } from '../api-keys/caller-tokens.js';
import type { KnownKey } from '../api-keys/known-keys.js';
import { DomainError } from '../common/domain-error.js';
import { OAuthError } from './oauth-error.js';
import type { AccessTokenDto } from './oauth.dto.js';
import { readTokenRequest } from './token-request.js';

export const ACCESS_TOKEN_SECONDS = 900;

/** Gives tenants' backends a short-lived token for an API key (RFC 6749, section 4.4). */
@Injectable()
export class OAuthService {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly tokens: CallerTokens,
  ) {}

  /** @throws OAuthError */
  async issue(body: unknown, authorization: string | undefined): Promise<AccessTokenDto> {
    const request = readTokenRequest(body, authorization);
    const { caller, expiresAt } = await this.client(request.clientId, request.clientSecret);
    const scopes = request.scopes === undefined ? [...caller.scopes] : chosen(caller.scopes, request.scopes);
    const nowMs = Date.now();
    // A token that says more than its key will live would break in its holder's hands.
    const endMs = Math.min(nowMs + ACCESS_TOKEN_SECONDS * 1_000, expiresAt ?? Infinity);
    const grant = { kind: 'api_key', tenantId: caller.tenant.id, keyId: caller.keyId, scopes } as const;
    const { token } = await this.tokens.issue('access', grant, new Date(endMs));
    return {
      access_token: token,
      token_type: 'Bearer',
      expires_in: Math.floor((endMs - nowMs) / 1_000),
      scope: scopes.join(' '),
    };
  }

  /** The key is the secret and names itself; the id has to be that of the same key. */
  private async client(id: string, secret: string): Promise<KnownKey> {
    const known = await this.authenticator.tenantKey(secret).catch((error: unknown) => {
      if (error instanceof DomainError && error.code === 'unauthorized') return null;
      throw error;
    });
    if (known === null || known.caller.keyId !== id.toLowerCase()) {
      throw new OAuthError('invalid_client', 'The client_id and client_secret are not those of a valid API key.');
    }
    return known;
  }
}

function chosen(own: ReadonlySet<Scope>, named: readonly string[]): Scope[] {
  const scopes = [...own].filter((scope) => named.includes(scope));
  if (scopes.length < new Set(named).size) {
    throw new OAuthError('invalid_scope', 'The scope names something that the API key does not have.');
  }
  return scopes;
}

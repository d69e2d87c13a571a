import { Injectable } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import { Config } from '../config/config.js';
import { DomainError } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { hashApiKey, isApiKey } from './api-key-format.js';
import { SCOPES, type Scope } from './api-key.entity.js';
import type { Authenticated, Caller, Credential } from './caller.js';
import { CallerTokens } from './caller-tokens.js';
import { KnownKeys, type KnownKey } from './known-keys.js';
import type { Presented } from './presented.js';

const ALL_SCOPES: ReadonlySet<Scope> = new Set(SCOPES);

/** Turns what a request presents into a caller. */
@Injectable()
export class Authenticator {
  private readonly operatorHash: Buffer;

  constructor(
    private readonly knownKeys: KnownKeys,
    private readonly tokens: CallerTokens,
    config: Config,
  ) {
    this.operatorHash = hashApiKey(config.adminApiKey);
  }

  /** @throws DomainError `unauthorized` for a credential that is not good, whatever is wrong with it */
  async authenticate(presented: Presented): Promise<Authenticated> {
    if (presented.kind === 'key') return this.byKey(presented.key);
    const authenticated = await this.tokens.authenticate(
      presented.kind === 'session' ? ['session'] : ['access', 'portal'],
      presented.token,
    );
    if (authenticated === null) {
      const what = presented.kind === 'session' ? 'session' : 'token';
      throw new DomainError('unauthorized', `The ${what} is not valid, or has ended.`);
    }
    return authenticated;
  }

  isOperator(presentedKey: string): boolean {
    return this.isOperators(hashApiKey(presentedKey));
  }

  /** @throws DomainError `tenant_required` or `not_found` when the operator names no known tenant. */
  async operatorFor(tenantId: string | undefined): Promise<Caller> {
    if (tenantId === undefined) {
      throw new DomainError(
        'tenant_required',
        'The operator acts for a tenant here: name it in the X-Tenant-Id header.',
      );
    }
    const tenant = isUuid(tenantId) ? await this.knownKeys.tenant(tenantId) : null;
    if (tenant === null) throw new DomainError('not_found', 'No such tenant.');
    return { ...this.operator(), tenant };
  }

  operator(): Caller {
    return { kind: 'operator', keyId: null, scopes: ALL_SCOPES, tenant: null };
  }

  /**
   * The tenant's API key that this is.
   * @throws DomainError `unauthorized` for a key that is malformed, unknown, expired or revoked: all look alike.
   */
  async tenantKey(presentedKey: string, hash = hashApiKey(presentedKey)): Promise<KnownKey> {
    // A mistyped key fails its checksum, without a query.
    const known =
      this.knownKeys.remembered(hash) ?? (isApiKey(presentedKey) ? await this.knownKeys.byHash(hash) : null);
    if (known === null) throw new DomainError('unauthorized', 'The API key is not valid.');
    this.knownKeys.noteUse(known.caller.keyId);
    return known;
  }

  /** Called when a key or tenant changes in this process, where it then holds at once. */
  forget(): void {
    this.knownKeys.forget();
  }

  private async byKey(key: string): Promise<Authenticated> {
    // Digested once for both: that is most of what a request's authentication costs.
    const hash = hashApiKey(key);
    if (this.isOperators(hash)) return { caller: this.operator(), credential: keyCredential(null) };
    const { caller, expiresAt } = await this.tenantKey(key, hash);
    return { caller, credential: keyCredential(expiresAt) };
  }

  /** Compares digests, so that neither length nor content of the operator's key shows in the time it takes. */
  private isOperators(hash: Buffer): boolean {
    return timingSafeEqual(hash, this.operatorHash);
  }
}

/** Field by field: an object that is spread and then added to costs Node 20 fifty times as much, and outlives its request. */
const keyCredential = (keyExpiresAt: number | null): Credential => ({
  kind: 'key',
  keyExpiresAt,
  tokenId: null,
  tokenExpiresAt: null,
  csrfToken: null,
});

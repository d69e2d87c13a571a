import type { TenantStatus } from '../tenants/tenant.entity.js';
import type { Scope } from './api-key.entity.js';

/** What the guards, services and buckets need to know of the tenant a request acts for. */
export interface CallerTenant {
  id: string;
  status: TenantStatus;
  /** Events accepted a minute; null: no limit. */
  rateLimit: number | null;
  /** Whether its publish requests must be signed. */
  requireSignedPublish: boolean;
}

/** `portal`: a person with a portal link of the tenant's. */
export type CallerKind = 'operator' | 'api_key' | 'portal';

/** Who makes a request, set by the auth guard. */
export interface Caller {
  kind: CallerKind;
  /** The API key behind the call; with a portal link the one it was made with. Null: the operator's. */
  keyId: string | null;
  scopes: ReadonlySet<Scope>;
  /** Null on the operator's own routes. */
  tenant: CallerTenant | null;
}

/** By what a caller showed who it is. */
export type CredentialKind = 'key' | 'access_token' | 'portal_token' | 'session';

export interface Credential {
  kind: CredentialKind;
  /** When the API key behind it expires, in milliseconds since the epoch; null: never. */
  keyExpiresAt: number | null;
  /** The token's id; null where there is none. */
  tokenId: string | null;
  /** When the token itself ends; null where there is none. */
  tokenExpiresAt: number | null;
  /** What unsafe requests of a browser's session must bring beside its cookie; null for everything but sessions. */
  csrfToken: string | null;
}

/** A caller whose credential is good; what it may do is another question. */
export interface Authenticated {
  /** An operator's tenant is not known yet. */
  caller: Caller;
  credential: Credential;
}

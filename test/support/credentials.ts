import { SignJWT } from 'jose';
import { randomBytes } from 'node:crypto';
import { SCOPES, type Scope } from '../../src/api-keys/api-key.entity.js';
import { TokenKey, type TokenUse } from '../../src/tokens/token-keys.js';
import { Tokens } from '../../src/tokens/tokens.js';
import type { TenantClient } from './api-client.js';
import type { Posthaste } from './posthaste.js';

/** The headers by which a request says who makes it. */
export type Credentials = Record<string, string>;

export const withKey = (key: string): Credentials => ({ 'x-api-key': key });
export const withBearer = (token: string): Credentials => ({ authorization: `Bearer ${token}` });
const COOKIE = 'posthaste_session';
export const withCookie = (token: string): Credentials => ({ cookie: `${COOKIE}=${token}` });

export const KEY_OF_NOBODY = `ph_${'0'.repeat(43)}1W43vm`;
export const PORTAL_SCOPES = SCOPES.filter((scope) => scope !== 'keys:write');
const HOUR_MS = 3_600_000;

interface CreatedKey {
  id: string;
  key: string;
}
const createKey = (tenant: TenantClient, settings: object = {}): Promise<CreatedKey> =>
  tenant.post<CreatedKey>('/api-keys', { name: 'walker', ...settings });

export async function accessToken(url: string, { id, key }: CreatedKey, scopes?: Scope[]): Promise<string> {
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: key });
  if (scopes !== undefined) form.set('scope', scopes.join(' '));
  const response = await fetch(`${url}/oauth/token`, { method: 'POST', body: form });
  if (response.status !== 200) throw new Error(`No token: ${await response.text()}`);
  return ((await response.json()) as { access_token: string }).access_token;
}

export async function portalToken(tenant: TenantClient, scopes: Scope[], key = tenant.key): Promise<string> {
  const link = await tenant.request<{ url: string }>('POST', `/tenants/${tenant.id}/portal-links`, {
    body: { scopes },
    headers: withKey(key),
  });
  return link.url.split('#portal=')[1] ?? '';
}

export interface BrowserSession {
  token: string;
  csrfToken: string;
  /** With the CSRF token: what a page of ours sends. */
  credentials: Credentials;
}

export async function beginSession(url: string, credentials: Credentials): Promise<BrowserSession> {
  const response = await fetch(`${url}/api/v1/session`, { method: 'POST', headers: credentials });
  if (response.status !== 201) throw new Error(`No session: ${await response.text()}`);
  const token = new RegExp(`^${COOKIE}=([^;]+)`).exec(response.headers.get('set-cookie') ?? '')?.[1] ?? '';
  const { csrf_token: csrfToken } = (await response.json()) as { csrf_token: string };
  return { token, csrfToken, credentials: { ...withCookie(token), 'x-csrf-token': csrfToken } };
}

/** Every way in which somebody of a tenant can come with these scopes; a portal link can't have `keys:write`. */
export async function goodCredentials(
  { url }: Posthaste,
  tenant: TenantClient,
  scopes: readonly Scope[] = SCOPES,
): Promise<Record<string, Credentials>> {
  const key = await createKey(tenant, { scopes });
  const full = await createKey(tenant);
  const portalScopes = PORTAL_SCOPES.filter((scope) => scopes.includes(scope));
  const portal = await portalToken(tenant, portalScopes);
  return {
    'API key': withKey(key.key),
    'API key as bearer': withBearer(key.key),
    'access token': withBearer(await accessToken(url, key)),
    'access token with fewer scopes than its key': withBearer(await accessToken(url, full, [...scopes])),
    'session of an API key': (await beginSession(url, withKey(key.key))).credentials,
    'portal link': withBearer(portal),
    'session of a portal link': (await beginSession(url, withBearer(portal))).credentials,
  };
}

/** Whatever a tenant could come with that was good once, is good elsewhere, or looks as if it were. */
export async function badCredentials(
  posthaste: Posthaste,
  tenant: TenantClient,
  other: TenantClient,
): Promise<Record<string, Credentials>> {
  const { url, adminKey, encryptionKey } = posthaste;
  const good = await createKey(tenant);
  const access = await accessToken(url, good);
  const session = await beginSession(url, withKey(good.key));

  const dying = { revoked: await createKey(tenant), expired: await createKey(tenant) };
  const endings: Record<string, Credentials> = {};
  for (const [how, key] of Object.entries(dying)) {
    const portal = await portalToken(tenant, ['events:read'], key.key);
    endings[`${how} API key`] = withKey(key.key);
    endings[`${how} API key as bearer`] = withBearer(key.key);
    endings[`access token of a key that is ${how}`] = withBearer(await accessToken(url, key));
    endings[`portal link of a key that is ${how}`] = withBearer(portal);
    endings[`session of a key that is ${how}`] = (await beginSession(url, withKey(key.key))).credentials;
    endings[`session of a portal link of a key that is ${how}`] = (
      await beginSession(url, withBearer(portal))
    ).credentials;
  }
  await posthaste.query(`UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1`, [
    dying.expired.id,
  ]);
  // The last change, and by the API: its process forgets all that it knew of keys.
  await tenant.delete(`/api-keys/${dying.revoked.id}`);

  const forge = new Forge(encryptionKey, { tenant_id: tenant.id, client_id: good.id });
  const foreign = new Forge(randomBytes(32).toString('base64'), forge.claims);
  const [header = '', payload = '', signature = ''] = access.split('.');
  const operatorPayload = encode({ ...decode(payload), kind: 'operator' });
  return {
    none: {},
    'an empty API key': withKey(''),
    'a malformed API key': withKey('ph_nonsense'),
    'a mistyped API key': withKey(`${good.key.slice(0, -1)}_`),
    'an unknown API key': withKey(KEY_OF_NOBODY),
    "the operator's key, and more": withKey(`${adminKey}x`),
    'an access token as API key': withKey(access),
    'an access token as cookie': withCookie(access),
    'a session as bearer token': withBearer(session.token),
    'an access token with other claims': withBearer([header, operatorPayload, signature].join('.')),
    'an access token with another signature': withBearer([header, payload, signature.toLowerCase()].join('.')),
    'an access token cut short': withBearer(access.slice(0, -1)),
    'an unsigned token': withBearer([encode({ ...decode(header), alg: 'none' }), payload, ''].join('.')),
    'a token with no algorithm but a signature': withBearer(
      [encode({ ...decode(header), alg: 'none' }), payload, signature].join('.'),
    ),
    'a token of another algorithm': withBearer(await forge.sign('access', 'HS512')),
    'a token of another installation': withBearer(await foreign.issue('access')),
    'an expired access token': withBearer(await forge.issue('access', {}, -60_000)),
    'an expired portal link': withBearer(await forge.issue('portal', { kind: 'portal' }, -60_000)),
    'an expired session': await forge.session({}, -60_000),
    "an access token for the other tenant by this tenant's key": withBearer(
      await forge.issue('access', { tenant_id: other.id }),
    ),
    "a session for the other tenant by this tenant's key": await forge.session({ tenant_id: other.id }),
    "an operator's session by another operator's key": await forge.session({
      kind: 'operator',
      tenant_id: undefined,
      client_id: undefined,
      operator_key: forge.tokens.mark('operator-key', `${adminKey}x`),
    }),
    'a tampered session': { ...session.credentials, ...withCookie(session.token.slice(0, -2) + 'AA') },
    ...endings,
  };
}

/** Makes tokens with an installation's own key, which nobody outside has: what is wrong with them is something else. */
class Forge {
  readonly tokens: Tokens;
  readonly claims: Record<string, unknown>;

  constructor(
    private readonly encryptionKey: string,
    claims: Record<string, unknown>,
  ) {
    this.tokens = new Tokens([encryptionKey]);
    this.claims = { kind: 'api_key', scope: SCOPES.join(' '), ...claims };
  }

  async issue(use: TokenUse, claims: Record<string, unknown> = {}, lifetimeMs = HOUR_MS): Promise<string> {
    return (await this.token(use, claims, lifetimeMs)).token;
  }

  async session(claims: Record<string, unknown>, lifetimeMs = HOUR_MS): Promise<Credentials> {
    const { token, id } = await this.token('session', claims, lifetimeMs);
    return { ...withCookie(token), 'x-csrf-token': this.tokens.mark('csrf', id) };
  }

  /** As ours are, but for the algorithm. */
  sign(use: TokenUse, alg: string): Promise<string> {
    const key = new TokenKey(this.encryptionKey);
    return new SignJWT(this.claims)
      .setProtectedHeader({ alg, kid: `${key.id}.${use}` })
      .setIssuer('posthaste')
      .setAudience(`posthaste:${use}`)
      .setSubject(String(this.claims.client_id))
      .setJti('1')
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('1h')
      .sign(key.signingKey(use));
  }

  private token(use: TokenUse, claims: Record<string, unknown>, lifetimeMs: number) {
    return this.tokens.issue(use, {
      subject: String(this.claims.client_id),
      claims: { ...this.claims, ...claims },
      expiresAt: new Date(Date.now() + lifetimeMs),
    });
  }
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const decode = (part: string): object => JSON.parse(Buffer.from(part, 'base64url').toString()) as object;

import { OAuthError } from './oauth-error.js';

export interface TokenRequest {
  clientId: string;
  clientSecret: string;
  /** Undefined: all that the key has. */
  scopes: string[] | undefined;
}

/** Of RFC 6749, appendix A.4: scopes of visible ASCII but `"` and `\`, one space between two. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/**
 * Reads a request to the token endpoint (RFC 6749, sections 2.3.1, 3.2 and 4.4.2). Names that we don't know are ignored.
 * @param body anything but a form is refused
 * @throws OAuthError
 */
export function readTokenRequest(body: unknown, authorization: string | undefined): TokenRequest {
  if (!(body instanceof URLSearchParams)) {
    throw new OAuthError('invalid_request', 'The body must be a form: application/x-www-form-urlencoded.');
  }
  const fields = { grantType: 'grant_type', scope: 'scope', id: 'client_id', secret: 'client_secret' } as const;
  const { grantType, scope, id, secret } = Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, once(body, field)]),
  ) as Record<keyof typeof fields, string | undefined>;

  const client = readClient(authorization, id, secret);
  if (grantType === undefined) throw new OAuthError('invalid_request', 'The grant_type is missing.');
  if (grantType !== 'client_credentials') {
    throw new OAuthError('unsupported_grant_type', 'The only grant_type is client_credentials.');
  }
  if (scope !== undefined && !SCOPE.test(scope)) throw new OAuthError('invalid_scope', 'The scope is malformed.');
  return { ...client, scopes: scope?.split(' ') };
}

/** A field without a value counts as left out, and one that comes twice spoils the request (section 3.2). */
function once(form: URLSearchParams, field: string): string | undefined {
  const values = form.getAll(field);
  if (values.length > 1) throw new OAuthError('invalid_request', `The ${field} is there more than once.`);
  return values[0] === '' ? undefined : values[0];
}

function readClient(
  authorization: string | undefined,
  id: string | undefined,
  secret: string | undefined,
): { clientId: string; clientSecret: string } {
  if (authorization === undefined || authorization === '') {
    if (id === undefined || secret === undefined) {
      throw new OAuthError('invalid_client', 'A client_id and a client_secret are required.');
    }
    return { clientId: id, clientSecret: secret };
  }
  if (secret !== undefined) {
    throw new OAuthError('invalid_request', 'The client authenticates in two ways at once.');
  }
  const basic = readBasic(authorization);
  if (basic === null) throw new OAuthError('invalid_client', 'The Authorization header is not HTTP Basic.');
  if (id !== undefined && id !== basic.clientId) {
    throw new OAuthError('invalid_request', 'The client_id is not that of the Authorization header.');
  }
  return basic;
}

/** RFC 7617, with both parts form-encoded first (RFC 6749, section 2.3.1). */
function readBasic(authorization: string): { clientId: string; clientSecret: string } | null {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8')) ?? [];
  if (id === undefined || secret === undefined) return null;
  try {
    return { clientId: formDecoded(id), clientSecret: formDecoded(secret) };
  } catch {
    return null;
  }
}

const formDecoded = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

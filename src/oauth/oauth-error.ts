/** The codes of RFC 6749, section 5.2, that this grant can end with. */
export const OAUTH_ERRORS = {
  invalid_request: 400,
  invalid_client: 401,
  unsupported_grant_type: 400,
  invalid_scope: 400,
} as const;
export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

/** A failure that the OAuth2 specification has a form for of its own. `message` becomes its `error_description`. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';

  /** @param description fixed text of ours: the RFC allows ASCII alone, without quotes and backslashes */
  constructor(
    readonly code: OAuthErrorCode,
    description: string,
  ) {
    super(description);
  }
}

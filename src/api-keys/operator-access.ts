import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/domain-error.js';
import { Authenticator } from './authenticator.js';
import { CallerTokens } from './caller-tokens.js';

/** What a request brings to the operator's pages. */
export interface OperatorCredentials {
  apiKey: string | undefined;
  authorization: string | undefined;
  /** The token of a browser's session, on pages that only show something; null where there is none. */
  session?: string | null;
}

/**
 * For `/metrics` and `/queues`, which scrapers and browsers reach: the operator's key as `X-API-Key` or basic password, or its
 * session.
 */
@Injectable()
export class OperatorAccess {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly tokens: CallerTokens,
  ) {}

  /** @throws DomainError `unauthorized`, which asks a browser for the password */
  async assert({ apiKey, authorization, session = null }: OperatorCredentials): Promise<void> {
    const presented = apiKey ?? basicPassword(authorization);
    if (presented !== null ? this.authenticator.isOperator(presented) : await this.isOperators(session)) return;
    throw new DomainError('unauthorized', "The operator's key is required.", {
      headers: { 'www-authenticate': 'Basic realm="posthaste", charset="UTF-8"' },
    });
  }

  private async isOperators(session: string | null): Promise<boolean> {
    const authenticated = session === null ? null : await this.tokens.authenticate(['session'], session);
    return authenticated?.caller.kind === 'operator';
  }
}

/** RFC 7617: the password is what follows the first colon. */
function basicPassword(authorization: string | undefined): string | null {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon === -1 ? null : decoded.slice(colon + 1);
}

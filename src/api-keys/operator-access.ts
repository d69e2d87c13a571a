import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/domain-error.js';
import { Authenticator } from './authenticator.js';

/** What a request brings to the operator's pages. */
export interface OperatorCredentials {
  apiKey: string | undefined;
  authorization: string | undefined;
}

/** For `/metrics` and `/queues`, which scrapers and browsers reach: the operator's key as `X-API-Key` or basic password. */
@Injectable()
export class OperatorAccess {
  constructor(private readonly authenticator: Authenticator) {}

  /** @throws DomainError `unauthorized`, which asks a browser for the password */
  assert({ apiKey, authorization }: OperatorCredentials): void {
    const presented = apiKey ?? basicPassword(authorization);
    if (presented !== null && this.authenticator.isOperator(presented)) return;
    throw new DomainError('unauthorized', "The operator's key is required.", {
      headers: { 'www-authenticate': 'Basic realm="posthaste", charset="UTF-8"' },
    });
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

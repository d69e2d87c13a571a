import type { FastifyRequest } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import { DomainError } from '../common/domain-error.js';
import { headerOf } from './presented.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses what another site has a browser do: unsafe requests by cookie must bring the token of their session, which only a
 * page that reads our answers knows.
 * @throws DomainError `csrf`
 */
export function refuseForgery(request: FastifyRequest, csrfToken: string): void {
  if (SAFE_METHODS.has(request.method)) return;
  refuseOtherSites(request);
  const given = headerOf(request, 'x-csrf-token') ?? '';
  if (!timingSafeEqual(digest(given), digest(csrfToken))) {
    throw new DomainError('csrf', "An X-CSRF-Token with the session's csrf_token is required.");
  }
}

/**
 * Refuses requests that a browser says come from elsewhere. Another host of the same site counts as elsewhere: cookies with
 * SameSite=Strict go along from there.
 * @throws DomainError `csrf`
 */
export function refuseOtherSites(request: FastifyRequest): void {
  if (!isFromHere(request.headers, request.host)) {
    throw new DomainError('csrf', 'The request comes from another site.');
  }
}

/** @param host the one the request was sent to, with its port */
export function isFromHere(headers: FastifyRequest['headers'], host: string): boolean {
  const fetchSite = headers['sec-fetch-site'];
  // Browsers set it themselves and no page can change it. `none`: the person's own doing, such as a bookmark.
  if (fetchSite !== undefined) return fetchSite === 'same-origin' || fetchSite === 'none';
  const { origin } = headers;
  // No browser leaves both away on an unsafe request; what is no browser has no cookie that others could use.
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

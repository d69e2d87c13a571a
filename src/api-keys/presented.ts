import type { FastifyRequest } from 'fastify';
import { readSessionCookie } from './session-cookie.js';

/** What a request shows to say who makes it. */
export type Presented =
  | { kind: 'key'; key: string }
  /** A JWT as bearer: of OAuth2 or of a portal link. */
  | { kind: 'token'; token: string }
  | { kind: 'session'; token: string };

/**
 * A header before the cookie: a browser adds the cookie by itself, and a header only when a page means it. Null: nothing.
 * @param publicUrl the setting, '' when it is not set
 */
export function presentedBy(request: FastifyRequest, publicUrl: string): Presented | null {
  const key = headerOf(request, 'x-api-key');
  if (key !== undefined) return { kind: 'key', key };
  const bearer = /^Bearer +(\S+)$/i.exec(headerOf(request, 'authorization') ?? '')?.[1];
  // Every JWT begins so: it is `{"` in base64url. No key of ours does.
  if (bearer !== undefined) {
    return bearer.startsWith('eyJ') ? { kind: 'token', token: bearer } : { kind: 'key', key: bearer };
  }
  const session = readSessionCookie(request, publicUrl);
  return session === null ? null : { kind: 'session', token: session };
}

export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

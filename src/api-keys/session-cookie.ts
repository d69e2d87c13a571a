import type { FastifyReply, FastifyRequest } from 'fastify';

const NAME = 'posthaste_session';

/** Whether a browser reaches us by https: directly, through a trusted proxy that says so, or by what we are told. */
export const isSecure = (request: FastifyRequest, publicUrl: string): boolean =>
  request.protocol === 'https' || publicUrl.startsWith('https://');

/** With https the prefix has the browser take the cookie from this very host and by https alone (RFC 6265bis, 4.1.3.2). */
const nameFor = (secure: boolean): string => (secure ? `__Host-${NAME}` : NAME);

export function readSessionCookie(request: FastifyRequest, publicUrl: string): string | null {
  const { cookie } = request.headers;
  if (cookie === undefined) return null;
  return request.server.parseCookie(cookie)[nameFor(isSecure(request, publicUrl))] ?? null;
}

export function setSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  publicUrl: string,
  session: { token: string; expiresAt: Date },
): void {
  const secure = isSecure(request, publicUrl);
  void reply.setCookie(nameFor(secure), session.token, { ...ATTRIBUTES, secure, expires: session.expiresAt });
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply, publicUrl: string): void {
  const secure = isSecure(request, publicUrl);
  void reply.clearCookie(nameFor(secure), { ...ATTRIBUTES, secure });
}

const ATTRIBUTES = { path: '/', httpOnly: true, sameSite: 'strict' } as const;

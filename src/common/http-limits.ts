import type { ServerOptions } from 'node:http';

/** How long a client may take, and how much it may send before anything of it is looked at. */
export interface HttpLimits {
  /** For the request's line and headers, and for a new connection to send anything at all. */
  headersTimeoutMs: number;
  /** For the request as a whole, its body included. */
  requestTimeoutMs: number;
  /** How often these two are looked at: what a slow client gets on top. */
  checkIntervalMs: number;
  /** How long a connection may idle between requests: longer than the 60 s after which load balancers give theirs up. */
  keepAliveTimeoutMs: number;
  maxHeaderBytes: number;
}

export const HTTP_LIMITS: HttpLimits = {
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 30_000,
  checkIntervalMs: 2_000,
  keepAliveTimeoutMs: 65_000,
  maxHeaderBytes: 16 * 1024,
};

/** What is not Fastify's to set but that of Node's server. */
export const serverOptionsOf = (limits: HttpLimits): ServerOptions => ({
  headersTimeout: limits.headersTimeoutMs,
  requestTimeout: limits.requestTimeoutMs,
  connectionsCheckingInterval: limits.checkIntervalMs,
  maxHeaderSize: limits.maxHeaderBytes,
  // Two headers that disagree on where a body ends would let one request hide in another (RFC 9112, section 6.3).
  insecureHTTPParser: false,
});

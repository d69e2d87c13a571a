import { Agent, type Dispatcher } from 'undici';
import { createGuardedConnector, type GuardedConnectorOptions } from './guarded-connector.js';

export interface GuardedAgentOptions extends GuardedConnectorOptions {
  /**
   * Connections to one origin (scheme, host and port) at most. Further requests wait for one, inside their deadline: keep
   * this at the number of attempts that may be under way to one origin, so that they never do. Default 128.
   */
  readonly connectionsPerOrigin?: number;
  /** How long a connection without a request is kept when the receiver gives no `Keep-Alive` hint. Default 4,000. */
  readonly idleTimeoutMs?: number;
  /** The most that a `Keep-Alive` hint can make of it. Default 30,000. */
  readonly maxIdleTimeoutMs?: number;
}

/** Names and values of a response's headers together, in bytes. */
export const MAX_RESPONSE_HEADER_BYTES = 16 * 1024;

/**
 * An undici dispatcher that only connects where the rules allow. Three checks, since each covers what another can't see:
 * an IP literal (never resolved, so `lookup` isn't called), every address of a name (before connecting, so no packet
 * reaches a refused one), and the address that the socket ended up at. A refusal surfaces as `AddressRefusedError`.
 *
 * Proxies named by the environment are not used: a proxy would resolve names itself, past all three. One that is named on
 * purpose (`OUTBOUND_PROXY_URL`) gets what has passed the first two. Connections are pooled by origin and kept alive; undici drops a pool with its last connection. Timeouts are left to the caller's
 * deadline, but for connecting.
 */
export function createGuardedAgent(options: GuardedAgentOptions): Dispatcher {
  return new Agent({
    connect: createGuardedConnector(options),
    connections: options.connectionsPerOrigin ?? 128,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: options.idleTimeoutMs ?? 4_000,
    keepAliveMaxTimeout: options.maxIdleTimeoutMs ?? 30_000,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    // undici measures these anew after each packet (and each 1xx), so that a byte drip never meets them.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

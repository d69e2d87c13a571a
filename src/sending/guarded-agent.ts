import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { AddressRules } from './address-rules.js';
import { AddressRefusedError, createGuardedLookup, type ResolveAll } from './guarded-lookup.js';

export interface GuardedAgentOptions {
  readonly rules: AddressRules;
  /**
   * Connections to one origin (scheme, host and port) at most. Further requests wait for one, inside their deadline: keep
   * this at the number of attempts that may be under way to one origin, so that they never do. Default 128.
   */
  readonly connectionsPerOrigin?: number;
  /** For name resolution, TCP and TLS together. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** How long a connection without a request is kept when the receiver gives no `Keep-Alive` hint. Default 4,000. */
  readonly idleTimeoutMs?: number;
  /** The most that a `Keep-Alive` hint can make of it. Default 30,000. */
  readonly maxIdleTimeoutMs?: number;
  /** PEM certificates trusted beside the usual authorities. Verification itself can't be turned off. */
  readonly extraCertificates?: readonly string[];
  /** Default: the system's resolver (`getaddrinfo`). */
  readonly resolveAll?: ResolveAll;
}

/** Names and values of a response's headers together, in bytes. */
export const MAX_RESPONSE_HEADER_BYTES = 16 * 1024;

/**
 * An undici dispatcher that only connects where the rules allow. Three checks, since each covers what another can't see:
 * an IP literal (never resolved, so `lookup` isn't called), every address of a name (before connecting, so no packet
 * reaches a refused one), and the address that the socket ended up at. A refusal surfaces as `AddressRefusedError`.
 *
 * Proxies named by the environment are not used: a proxy would resolve names itself, past all three. Connections are
 * pooled by origin and kept alive; undici drops a pool with its last connection. Timeouts are left to the caller's
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

function createGuardedConnector(options: GuardedAgentOptions): buildConnector.connector {
  const { rules, resolveAll = dnsLookup, extraCertificates = [] } = options;
  const connect = buildConnector({
    timeout: options.connectTimeoutMs ?? 10_000,
    lookup: createGuardedLookup(rules, resolveAll),
    autoSelectFamily: true,
    // Node's 250 ms for each address but the last turns a distant host with several addresses into an unreachable one.
    autoSelectFamilyAttemptTimeout: 500,
    // Explicit, or NODE_TLS_REJECT_UNAUTHORIZED=0 would turn it off.
    rejectUnauthorized: true,
    // `ca` replaces the built-in authorities and those of NODE_EXTRA_CA_CERTS: only given when there is something to add.
    ...(extraCertificates.length > 0 ? { ca: [...rootCertificates, ...extraCertificates] } : {}),
  });

  return (target, callback) => {
    if (isIP(target.hostname) !== 0 && !rules.isAllowedAddress(target.hostname)) {
      // Not within this call: undici is still in the midst of starting the connection.
      queueMicrotask(() => callback(new AddressRefusedError(), null));
      return;
    }
    connect(target, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error) {
        callback(error, null);
        return;
      }
      const { remoteAddress } = socket;
      if (remoteAddress !== undefined && rules.areAllowedAddresses(target.hostname, [remoteAddress])) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      callback(remoteAddress === undefined ? closedAtOnce() : new AddressRefusedError(), null);
    });
  };
}

function closedAtOnce(): NodeJS.ErrnoException {
  return Object.assign(new Error('the connection was closed at once'), { code: 'ECONNRESET' });
}

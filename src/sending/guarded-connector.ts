import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import type { AddressRules } from './address-rules.js';
import { AddressRefusedError, createGuardedLookup, type ResolveAll } from './guarded-lookup.js';
import type { OutboundProxy } from './outbound-proxy.js';
import type { ReceiverTls } from './receiver-tls.js';

export interface GuardedConnectorOptions {
  readonly rules: AddressRules;
  /** For name resolution, TCP and TLS together. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** PEM certificates trusted beside the usual authorities. Verification itself can't be turned off. */
  readonly extraCertificates?: readonly string[];
  /** Default: the system's resolver (`getaddrinfo`). */
  readonly resolveAll?: ResolveAll;
  /** An endpoint's own certificates. */
  readonly tls?: ReceiverTls;
  /** Goes through this proxy, after the same checks of the URL and of what its name resolves to here. */
  readonly proxy?: OutboundProxy;
}

type Target = buildConnector.Options;

/** Connects only where the rules allow; a refusal surfaces as `AddressRefusedError`. */
export function createGuardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  const { rules, resolveAll = dnsLookup, proxy } = options;
  const lookup = createGuardedLookup(rules, resolveAll);
  const connect = proxy === undefined ? directConnector(options, lookup) : tunnelConnector(options, lookup, proxy);

  return (target, callback) => {
    if (isIP(target.hostname) !== 0 && !rules.isAllowedAddress(target.hostname)) {
      // Not within this call: undici is still in the midst of starting the connection.
      queueMicrotask(() => callback(new AddressRefusedError(), null));
      return;
    }
    connect(target, callback);
  };
}

/**
 * What connections are verified against, when that isn't just the usual authorities. Made once: a context with authorities
 * of its own costs milliseconds, which node would spend again on every connection.
 */
export function secureContextOf(
  extraCertificates: readonly string[],
  tls: ReceiverTls | undefined,
): SecureContext | undefined {
  // `ca` replaces the built-in authorities and those of NODE_EXTRA_CA_CERTS: only given when there is something to add.
  const ca = tls?.ca ?? (extraCertificates.length > 0 ? [...rootCertificates, ...extraCertificates] : undefined);
  const cert = tls?.cert ?? undefined;
  if (ca === undefined && cert === undefined) return undefined;
  return createSecureContext({ ca, cert, key: tls?.key ?? undefined });
}

function tlsOptionsOf({ connectTimeoutMs = 10_000, extraCertificates = [], tls }: GuardedConnectorOptions) {
  const secureContext = secureContextOf(extraCertificates, tls);
  return {
    timeout: connectTimeoutMs,
    // Explicit, or NODE_TLS_REJECT_UNAUTHORIZED=0 would turn it off.
    rejectUnauthorized: true,
    ...(secureContext === undefined ? {} : { secureContext }),
  };
}

function directConnector(options: GuardedConnectorOptions, lookup: LookupFunction): buildConnector.connector {
  const connect = buildConnector({
    ...tlsOptionsOf(options),
    lookup,
    autoSelectFamily: true,
    // Node's 250 ms for each address but the last turns a distant host with several addresses into an unreachable one.
    autoSelectFamilyAttemptTimeout: 500,
  });
  return (target, callback) => {
    connect(target, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error) {
        callback(error, null);
        return;
      }
      const { remoteAddress } = socket;
      if (remoteAddress !== undefined && options.rules.areAllowedAddresses(target.hostname, [remoteAddress])) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      callback(remoteAddress === undefined ? closedAtOnce() : new AddressRefusedError(), null);
    });
  };
}

/**
 * The proxy gets the name, not an address: its own rules are written in names, and it resolves by itself. So what it finds
 * may differ from what was checked here, and the socket's address, which is the proxy's, proves nothing: the proxy has to
 * refuse private addresses, too.
 */
function tunnelConnector(
  options: GuardedConnectorOptions,
  lookup: LookupFunction,
  proxy: OutboundProxy,
): buildConnector.connector {
  const encrypt = buildConnector(tlsOptionsOf(options));
  const tunnel = async (target: Target): ReturnType<OutboundProxy['tunnelTo']> => {
    await resolveAllowed(target.hostname, lookup);
    const defaultPort = target.protocol === 'https:' ? 443 : 80;
    return proxy.tunnelTo(target.hostname, target.port === '' ? defaultPort : Number(target.port));
  };
  return (target, callback) => {
    tunnel(target).then(
      (socket) => {
        if (target.protocol === 'https:') encrypt({ ...target, httpSocket: socket }, callback);
        else callback(null, socket);
      },
      (error: Error) => callback(error, null),
    );
  };
}

/** Rejects when one of the name's addresses is refused, or there is none. */
async function resolveAllowed(hostname: string, lookup: LookupFunction): Promise<void> {
  if (isIP(hostname) !== 0) return;
  await new Promise<void>((resolve, reject) => {
    lookup(hostname, { all: true }, (error) => (error === null ? resolve() : reject(error)));
  });
}

function closedAtOnce(): NodeJS.ErrnoException {
  return Object.assign(new Error('the connection was closed at once'), { code: 'ECONNRESET' });
}

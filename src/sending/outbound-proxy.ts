import { isIPv6, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { buildConnector, errors, Pool, type Dispatcher } from 'undici';
import { AddressRefusedError } from './guarded-lookup.js';

/** The proxy can't be used: a fault of ours, which says nothing about the receiver. Never holds its address or credentials. */
export class OutboundProxyError extends Error {
  override readonly name = 'OutboundProxyError';
  readonly code = 'OUTBOUND_PROXY';

  constructor(what: string) {
    super(`the outbound proxy ${what}`);
  }
}

export interface OutboundProxyOptions {
  /** Default 10,000: for the way to the proxy, and once more for the proxy's way to the receiver. */
  readonly connectTimeoutMs?: number;
  /** For a proxy that is reached by https. */
  readonly secureContext?: SecureContext;
}

/**
 * An egress proxy that tunnels to receivers (HTTP CONNECT, RFC 9110 section 9.3.6), to plain http ones as well: so requests
 * reach the receiver byte for byte, and connections are pooled and kept alive as without a proxy.
 */
export class OutboundProxy {
  private readonly pool: Pool;
  private readonly headers: Readonly<Record<string, string>>;

  /** @param url http or https, with or without user info */
  constructor(url: string, { connectTimeoutMs = 10_000, secureContext }: OutboundProxyOptions = {}) {
    const { origin, username, password } = new URL(url);
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.headers =
      username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
    const connect = buildConnector({
      timeout: connectTimeoutMs,
      rejectUnauthorized: true,
      ...(secureContext === undefined ? {} : { secureContext }),
    });
    this.pool = new Pool(origin, {
      // undici takes the name to verify from the Host header, which in a CONNECT is the receiver's: the proxy's own counts.
      connect: (target, callback) => connect({ ...target, servername: undefined }, callback),
      headersTimeout: connectTimeoutMs,
      bodyTimeout: 0,
    });
  }

  /**
   * @param hostname a name, or an address without brackets
   * @throws OutboundProxyError, AddressRefusedError where the proxy's rules say no, or an error whose code says that the
   *   receiver can't be reached
   */
  async tunnelTo(hostname: string, port: number): Promise<Socket> {
    const authority = `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`;
    let answer: Dispatcher.ConnectData;
    try {
      answer = await this.pool.connect({
        path: authority,
        headers: { ...this.headers, host: authority },
      });
    } catch (error) {
      // The proxy is there and waits, as we do, for a receiver that doesn't answer.
      if (error instanceof errors.HeadersTimeoutError) throw failure('ETIMEDOUT');
      throw new OutboundProxyError('can not be reached');
    }
    const socket = answer.socket as Socket;
    if (answer.statusCode >= 200 && answer.statusCode < 300) return socket;
    socket.on('error', () => undefined).destroy();
    throw refusalOf(answer);
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }
}

function refusalOf({ statusCode, headers }: Dispatcher.ConnectData): Error {
  // Smokescreen answers a destination that it denies with a 407 as well, but without the challenge that RFC 9110 asks for.
  if (statusCode === 407 && headers['proxy-authenticate'] !== undefined) {
    return new OutboundProxyError('does not take our credentials');
  }
  if (statusCode === 403 || statusCode === 407) return new AddressRefusedError();
  if (statusCode === 504) return failure('ETIMEDOUT');
  if (statusCode >= 500) return failure('EHOSTUNREACH');
  return new OutboundProxyError(`refused to make a tunnel (HTTP ${statusCode})`);
}

const failure = (code: 'ETIMEDOUT' | 'EHOSTUNREACH'): NodeJS.ErrnoException =>
  Object.assign(new Error('the proxy could not reach the receiver'), { code });

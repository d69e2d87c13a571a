import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { readCidr, type Cidr } from '../common/cidr.js';

/**
 * Why a URL is refused, in one word. Nothing more may reach a tenant: which address a name resolves to, and which rule it
 * broke, would make Posthaste a scanner of the network it runs in.
 */
export type AddressRefusal =
  'too_long' | 'characters' | 'malformed' | 'scheme' | 'userinfo' | 'fragment' | 'port' | 'host' | 'address';

export type UrlVerdict =
  { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly reason: AddressRefusal };

/** Inclusive on both ends. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface AddressRuleOptions {
  /** Ranges opened although they are not public, such as `10.0.0.0/8` or `::1/128`. */
  readonly allowedPrivateCidrs: readonly string[];
  readonly httpsOnly: boolean;
  /** Default: {@link DEFAULT_ALLOWED_PORTS}. */
  readonly allowedPorts?: readonly PortRange[];
}

/** In characters, as the tenant wrote it. */
export const MAX_URL_LENGTH = 2048;

/** The web's own ports, and those that need no privilege: mail, DNS, SSH and the like stay out of reach. */
export const DEFAULT_ALLOWED_PORTS: readonly PortRange[] = [
  { from: 80, to: 80 },
  { from: 443, to: 443 },
  { from: 1024, to: 65_535 },
];

// Control, format (zero width, bidi), surrogates and every kind of space: URL parsers drop or fold these, each in its way.
const FORBIDDEN_CHARACTERS = /[\p{Cc}\p{Cf}\p{Cs}\p{Z}\\]/u;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const AUTHORITY = /^https?:\/\/([^/?#]+)/i;

// Azure's platform channel: it lies in a public range, answers only inside a virtual machine and hands out configuration.
const DENIED_IPV4 = new Set(['168.63.129.16']);
const GLOBAL_UNICAST_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

const LOOPBACK_NAMES = new Set(['localhost', 'localhost.localdomain', 'ip6-localhost', 'ip6-loopback']);
const LOCAL_SUFFIXES = ['.localhost', '.localdomain', '.local', '.internal'];

/** Which URLs and addresses deliveries may go to. Holds no state; reads neither DNS nor the network. */
export class AddressRules {
  private readonly privateRanges: readonly Cidr[];
  private readonly httpsOnly: boolean;
  private readonly allowedPorts: readonly PortRange[];

  /** @throws {Error} naming the entry of `allowedPrivateCidrs` that is no CIDR. */
  constructor({ allowedPrivateCidrs, httpsOnly, allowedPorts = DEFAULT_ALLOWED_PORTS }: AddressRuleOptions) {
    this.privateRanges = allowedPrivateCidrs.map(parseCidr);
    this.httpsOnly = httpsOnly;
    this.allowedPorts = allowedPorts;
  }

  /**
   * Whether an endpoint may have this URL, as far as its text tells. A name's addresses are checked when it is connected
   * to ({@link areAllowedAddresses}), since they can change at any time.
   */
  checkUrl(raw: string): UrlVerdict {
    if (raw.length > MAX_URL_LENGTH) return refuse('too_long');
    // Before parsing: the parser strips line feeds and tabs, and turns a backslash into a slash.
    if (FORBIDDEN_CHARACTERS.test(raw)) return refuse('characters');
    const scheme = SCHEME.exec(raw)?.[0].toLowerCase();
    if (scheme === undefined) return refuse('malformed');
    if (scheme !== 'https:' && (scheme !== 'http:' || this.httpsOnly)) return refuse('scheme');
    // The parser also accepts `http:host` and `http:///host`; a person reading the URL would see another host.
    const authority = AUTHORITY.exec(raw)?.[1];
    if (authority === undefined) return refuse('malformed');
    if (authority.includes('@')) return refuse('userinfo');
    if (raw.includes('#')) return refuse('fragment');
    if (!URL.canParse(raw)) return refuse('malformed');
    const url = new URL(raw);
    if (!this.isAllowedPort(url)) return refuse('port');
    const reason = this.refusalOfHost(url.hostname);
    return reason === null ? { ok: true, url } : refuse(reason);
  }

  /**
   * Whether this address, as the resolver or a socket writes it, may be connected to: public unicast, or within
   * `allowedPrivateCidrs`. Anything that is no plain address (zone ids, short or octal forms) is refused.
   *
   * Special ranges are those of `ipaddr.js`, which follow the IANA special-purpose registries (RFC 6890). IPv4 addresses
   * wrapped in IPv6 (mapped, compatible, NAT64, 6to4, Teredo) are refused whatever they wrap: a range in IPv4 notation
   * doesn't open its wrapped forms.
   */
  isAllowedAddress(ip: string): boolean {
    if (isIP(ip) === 0 || ip.includes('%')) return false;
    const address = ipaddr.parse(ip);
    return this.isOpenedAddress(address) || isPublicUnicast(address);
  }

  /**
   * Whether a connection to `hostname` may use these addresses: every one of them must be allowed, since it is not ours
   * to say which will be taken. Local names (`localhost`, `.local`, `.internal`) may only have opened addresses.
   */
  areAllowedAddresses(hostname: string, ips: readonly string[]): boolean {
    if (!isLocalName(canonicalName(hostname))) return ips.every((ip) => this.isAllowedAddress(ip));
    return ips.every((ip) => isIP(ip) !== 0 && !ip.includes('%') && this.isOpenedAddress(ipaddr.parse(ip)));
  }

  private refusalOfHost(hostname: string): AddressRefusal | null {
    const literal = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    if (isIP(literal) !== 0) return this.isAllowedAddress(literal) ? null : 'address';
    const name = canonicalName(hostname);
    if (name === '' || name.startsWith('.') || name.includes('..') || name.endsWith('.')) return 'host';
    if (isLoopbackName(name)) return this.areAllowedAddresses(name, ['127.0.0.1', '::1']) ? null : 'host';
    // Where such a name leads is only known when it is resolved; without any opened range it can lead nowhere.
    return isLocalName(name) && this.privateRanges.length === 0 ? 'host' : null;
  }

  private isAllowedPort(url: URL): boolean {
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    return this.allowedPorts.some(({ from, to }) => port >= from && port <= to);
  }

  private isOpenedAddress(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
    return this.privateRanges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits));
  }
}

function isPublicUnicast(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  // The library calls unicast whatever it has no range for, compatible addresses (::a00:1) among them.
  if (address instanceof ipaddr.IPv6) return address.match(GLOBAL_UNICAST_IPV6);
  return !DENIED_IPV4.has(address.toString());
}

function canonicalName(hostname: string): string {
  const name = hostname.toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function isLoopbackName(name: string): boolean {
  return LOOPBACK_NAMES.has(name) || name.endsWith('.localhost');
}

function isLocalName(name: string): boolean {
  return isLoopbackName(name) || LOCAL_SUFFIXES.some((suffix) => name === suffix.slice(1) || name.endsWith(suffix));
}

function parseCidr(text: string): Cidr {
  const cidr = readCidr(text);
  if (cidr === null) throw new Error(`not an address range: ${text}`);
  return cidr;
}

function refuse(reason: AddressRefusal): UrlVerdict {
  return { ok: false, reason };
}

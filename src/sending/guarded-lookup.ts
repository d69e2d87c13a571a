import type { LookupAddress, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { AddressRules } from './address-rules.js';

/** A name or address that deliveries must not go to. Says no more than that, on purpose. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';
  readonly code = 'ADDRESS_REFUSED';

  constructor() {
    super('address refused');
  }
}

/** Every address of a name; the shape of `dns.lookup` from `node:dns/promises` with `all: true`. */
export type ResolveAll = (hostname: string, options: LookupOptions & { all: true }) => Promise<LookupAddress[]>;

/**
 * A `lookup` for `net.connect` that hands out a name's addresses only when the rules allow all of them: with one public
 * and one private address among them, whoever controls the name controls which one is taken.
 *
 * Questions for one name under way at once are asked once. `getaddrinfo` blocks one of libuv's few threads until it
 * answers, so an endpoint whose name servers never do would otherwise hold all of them, and every other tenant's
 * connections with them.
 */
export function createGuardedLookup(rules: AddressRules, resolveAll: ResolveAll): LookupFunction {
  const pending = new Map<string, Promise<LookupAddress[]>>();

  const resolveOnce = (hostname: string, options: LookupOptions): Promise<LookupAddress[]> => {
    const key = `${hostname} ${options.family ?? 0} ${options.hints ?? 0}`;
    const known = pending.get(key);
    if (known) return known;
    const answer = resolveAll(hostname, { ...options, all: true })
      .then((addresses) => {
        const ips = addresses.map(({ address }) => address);
        if (!rules.areAllowedAddresses(hostname, ips)) throw new AddressRefusedError();
        return addresses;
      })
      .finally(() => pending.delete(key));
    pending.set(key, answer);
    return answer;
  };

  return (hostname, options, callback) => {
    resolveOnce(hostname, options).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) callback(noAddress(hostname), '');
        else if (options.all) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}

function noAddress(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND', syscall: 'getaddrinfo' });
}

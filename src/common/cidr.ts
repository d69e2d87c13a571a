import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

export type Cidr = [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

/** @returns null for what is no range of addresses: short and octal forms, zone ids and odd masks, which the library takes, too */
export function readCidr(text: string): Cidr | null {
  const [address = '', bits = ''] = text.split('/');
  if (isIP(address) === 0 || !/^\d{1,3}$/.test(bits) || !ipaddr.isValidCIDR(text)) return null;
  return ipaddr.parseCIDR(text);
}

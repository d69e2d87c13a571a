import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';

/** A customer's usual share of IPv6, within which addresses cost nothing. */
const IPV6_PREFIX_BITS = 64;

/** What limits count a client by. A connection that is gone has no address any more. */
export const addressOf = ({ ip }: Pick<FastifyRequest, 'ip'>): string =>
  (ip as string | undefined) === undefined ? 'unknown' : normalizeIP(ip, IPV6_PREFIX_BITS);

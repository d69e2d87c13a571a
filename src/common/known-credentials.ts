import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { createHash } from 'node:crypto';
import { addressOf } from './client-address.js';

const REMEMBERED_MS = 3_600_000;
const MAX_REMEMBERED = 10_000;

/** Credentials that were found valid lately, each with the address it came from; as digests, so that none is kept. */
export class KnownCredentials {
  private readonly digests = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: REMEMBERED_MS });
  // On a connection that is kept alive the same comes again and again, and needs no second digest.
  private readonly lastOn = new WeakMap<object, { ip: string; credential: string }>();

  add(request: FastifyRequest, credential: string): void {
    if (this.isLast(request, credential)) return;
    this.lastOn.set(request.socket, { ip: request.ip, credential });
    this.digests.set(digestOf(request, credential), true);
  }

  has(request: FastifyRequest, credential: string): boolean {
    return this.isLast(request, credential) || this.digests.has(digestOf(request, credential));
  }

  /** It is not valid any more. */
  remove(request: FastifyRequest, credential: string): void {
    this.lastOn.delete(request.socket);
    this.digests.delete(digestOf(request, credential));
  }

  private isLast({ socket, ip }: FastifyRequest, credential: string): boolean {
    const last = this.lastOn.get(socket);
    return last !== undefined && last.credential === credential && last.ip === ip;
  }
}

const digestOf = (request: FastifyRequest, credential: string): string =>
  createHash('sha256')
    .update(`${addressOf(request)} ${credential}`, 'utf8')
    .digest('base64');

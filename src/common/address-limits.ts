import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { addressOf } from './client-address.js';
import { DomainError } from './domain-error.js';
import { KnownCredentials } from './known-credentials.js';

const WINDOW_MS = 60_000;
/** Addresses remembered by each limit; beyond them the one seen longest ago is forgotten. */
const MAX_ADDRESSES = 20_000;

export interface AddressLimits {
  /** Requests without a key, a minute; 0: no limit. */
  requests: number;
  /** Failed authentications, a minute; 0: no limit. */
  authFailures: number;
  /** Where a request with a credential stands or falls by it. All else is as good as public, whatever it brings. */
  keyedPaths: readonly string[];
  /** Load balancers ask often, and must get an answer. */
  exemptPaths: readonly string[];
}

/** The pattern, and not what was asked for: `/%61pi/v1/events` is the same route. */
const routeOf = ({ is404, routeOptions }: FastifyRequest): string => (is404 ? '' : (routeOptions.url ?? ''));

/**
 * Limits what an address may do without a valid key: requests that bring none, and authentications that fail. Counted in
 * this process's memory, which needs no other server to hold, so that each process has a limit of its own.
 */
export function limitByAddress(fastify: FastifyInstance, limits: AddressLimits): void {
  const { keyedPaths, exemptPaths } = limits;
  const isExempt = (request: FastifyRequest): boolean => exemptPaths.some((path) => routeOf(request).startsWith(path));
  const isKeyed = (request: FastifyRequest): boolean => keyedPaths.some((path) => routeOf(request).startsWith(path));
  const credentialOf = (request: FastifyRequest): string | null => (isKeyed(request) ? presented(request) : null);
  const requests = new Limit(fastify, limits.requests, 'address');
  const failures = new Limit(fastify, limits.authFailures, 'authentication');
  const known = new KnownCredentials();
  let lastFailureAt = -Infinity;

  void fastify.register(rateLimit, { global: false, cache: MAX_ADDRESSES }).after(() => {
    requests.open();
    failures.open();
  });

  fastify.addHook('onRequest', (request, reply, done) => {
    if (isExempt(request)) return done();
    const credential = credentialOf(request);
    // Nobody fails as a rule, and then a request with a key costs two comparisons here.
    const mayBeBarred = performance.now() - lastFailureAt < WINDOW_MS;
    if (credential !== null && !mayBeBarred) return done();
    admit(request, reply, credential, mayBeBarred).then(() => done(), done);
  });

  async function admit(
    request: FastifyRequest,
    reply: FastifyReply,
    credential: string | null,
    mayBeBarred: boolean,
  ): Promise<void> {
    if (credential === null) await requests.take(request, reply);
    // What has no key where one belongs needs no look-up and can't guess. A POST elsewhere may bring one in its body.
    const authenticates = credential !== null || (request.method === 'POST' && !isKeyed(request));
    if (!mayBeBarred || !authenticates) return;
    // A neighbour behind the same address must not lock out who has shown a valid key from there before. A guess,
    // even a right one, is refused.
    if (credential !== null && known.has(request, credential)) return;
    await failures.look(request);
  }

  fastify.addHook('onResponse', (request, reply, done) => {
    const { statusCode } = reply;
    const isFailure = statusCode === 401 && (request as { caller?: unknown }).caller === undefined;
    const credential = isFailure || statusCode < 300 ? credentialOf(request) : null;
    if (!isFailure) {
      if (credential !== null) known.add(request, credential);
      return done();
    }
    if (credential === null && isKeyed(request)) return done();
    if (credential !== null) known.remove(request, credential);
    lastFailureAt = performance.now();
    failures.count(request).then(() => done(), done);
  });
}

/** One limit of the library's, told as everything else is told. */
class Limit {
  private check: ReturnType<FastifyInstance['createRateLimit']> | undefined;

  constructor(
    private readonly fastify: FastifyInstance,
    private readonly max: number,
    private readonly name: string,
  ) {}

  /** Once the plugin is there. */
  open(): void {
    if (this.max === 0) return;
    this.check = this.fastify.createRateLimit({ max: this.max, timeWindow: WINDOW_MS, keyGenerator: addressOf });
  }

  /** @throws DomainError `rate_limited` */
  async take(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const state = await this.check?.(request);
    if (state === undefined || state.isAllowed) return;
    if (state.isExceeded) throw this.exceeded(state.ttlInSeconds);
    void reply.headers(this.headers(state.remaining, state.ttlInSeconds));
  }

  /** Refuses when nothing is left, and takes nothing. */
  async look(request: FastifyRequest): Promise<void> {
    const state = await this.check?.(request, { increment: false });
    if (state === undefined || state.isAllowed || state.remaining > 0) return;
    throw this.exceeded(state.ttlInSeconds);
  }

  async count(request: FastifyRequest): Promise<void> {
    await this.check?.(request);
  }

  private exceeded(seconds: number): DomainError {
    const what = this.name === 'address' ? 'requests without a key' : 'failed authentications';
    return new DomainError('rate_limited', `Too many ${what} from this address.`, {
      retryAfterSeconds: Math.max(1, seconds),
      headers: this.headers(0, seconds),
    });
  }

  /** draft-ietf-httpapi-ratelimit-headers-10 */
  private headers(remaining: number, seconds: number): Record<string, string> {
    return {
      'ratelimit-policy': `"${this.name}";q=${this.max};w=${WINDOW_MS / 1_000}`,
      ratelimit: `"${this.name}";r=${remaining};t=${seconds}`,
    };
  }
}

function presented({ headers }: FastifyRequest): string | null {
  const key = headers['x-api-key'];
  if (typeof key === 'string' && key !== '') return key;
  return headers.authorization ?? headers.cookie ?? null;
}

import { Injectable, Logger } from '@nestjs/common';
import type { CallerTenant } from '../api-keys/caller.js';
import { Batcher } from '../common/batcher.js';
import { DomainError } from '../common/domain-error.js';
import { Metrics } from '../metrics/metrics.js';
import { TokenBuckets, type TakeRequest, type TakeResult } from '../rate-limit/token-buckets.js';

/** What a publish request may do, and what to tell its caller of the bucket. */
export interface PublishGrant {
  /** How many events may be accepted. */
  tokens: number;
  /** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10); empty without a limit. */
  headers: Record<string, string>;
  retryAfterSeconds: number;
}

/** Each tenant's token bucket for events: a minute's worth is the burst. */
@Injectable()
export class PublishLimiter {
  private readonly logger = new Logger(PublishLimiter.name);
  // Concurrent requests share a round trip to the bucket's store.
  private readonly batcher: Batcher<TakeRequest, TakeResult>;
  private lastReportAt = -Infinity;

  constructor(
    buckets: TokenBuckets,
    private readonly metrics: Metrics,
  ) {
    this.batcher = new Batcher((requests) => buckets.takeMany(requests), { maxItems: 500 });
  }

  /** Takes up to so many tokens. Where the bucket's store is away, publishing goes on unlimited. */
  async take(tenant: CallerTenant, events: number): Promise<PublishGrant> {
    const perMinute = tenant.rateLimit;
    if (perMinute === null) return { tokens: events, headers: {}, retryAfterSeconds: 0 };
    const limit = { ratePerSecond: perMinute / 60, burst: perMinute };
    try {
      const request = { key: `publish:${tenant.id}`, limit, tokens: events, partial: true };
      const { allowed, remaining, retryAfterMs } = await this.batcher.add(request);
      const retryAfterSeconds = Math.ceil(retryAfterMs / 1000);
      if (allowed < events) this.metrics.rateLimitHits.inc({ limit: 'publish' }, events - allowed);
      return {
        tokens: allowed,
        headers: {
          'ratelimit-policy': `"publish";q=${perMinute};w=60`,
          ratelimit: `"publish";r=${remaining};t=${retryAfterSeconds}`,
        },
        retryAfterSeconds,
      };
    } catch (error) {
      this.report(error);
      return { tokens: events, headers: {}, retryAfterSeconds: 0 };
    }
  }

  private report(error: unknown): void {
    const now = performance.now();
    if (now - this.lastReportAt < 10_000) return;
    this.lastReportAt = now;
    this.logger.warn(`Publishing is not limited while the token buckets are away: ${String(error)}`);
  }
}

export const rateLimited = (grant: PublishGrant): DomainError =>
  new DomainError('rate_limited', 'This tenant publishes faster than its rate_limit allows.', {
    retryAfterSeconds: Math.max(1, grant.retryAfterSeconds),
  });

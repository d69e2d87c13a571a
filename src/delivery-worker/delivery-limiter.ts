import { Injectable, Logger } from '@nestjs/common';
import { Batcher } from '../common/batcher.js';
import { TokenBuckets, type ReserveRequest, type ReserveResult } from '../rate-limit/token-buckets.js';
import type { LoadedDelivery } from './load.query.js';
import type { Outcome } from './outcome.js';

/** A token is booked this far ahead: the delivery is put off once, to the moment when its token is there. */
const MAX_WAIT_MS = 60_000;
/** Waiting so long within the job costs less than two writes and a way through the queue. */
const WAIT_IN_PLACE_MS = 20;

/** Tenants' and endpoints' limits on attempts a second. */
@Injectable()
export class DeliveryLimiter {
  private readonly logger = new Logger(DeliveryLimiter.name);
  private readonly batcher: Batcher<ReserveRequest, ReserveResult>;
  private lastReportAt = -Infinity;

  constructor(private readonly buckets: TokenBuckets) {
    this.batcher = new Batcher((requests) => buckets.reserveMany(requests), { maxItems: 500 });
  }

  /** Null when the delivery may be sent now. Without the buckets' store it may. */
  async hold(delivery: LoadedDelivery): Promise<Outcome | null> {
    const requests = [
      bucket(`deliver:tenant:${delivery.tenant_id}`, delivery.tenant_delivery_rate_limit),
      bucket(`deliver:endpoint:${delivery.endpoint_id}`, delivery.rate_limit),
    ].filter((request) => request !== null);
    if (requests.length === 0 || delivery.tokens_booked) return null;
    try {
      const answers = await Promise.all(requests.map((request) => this.batcher.add(request)));
      const waitMs = Math.max(...answers.map((answer) => answer.waitMs));
      if (waitMs === 0) return null;
      const tokensBooked = answers.every(({ booked }) => booked);
      if (!tokensBooked) await this.giveBack(requests.filter((_request, index) => answers[index]?.booked));
      if (tokensBooked && waitMs <= WAIT_IN_PLACE_MS) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        return null;
      }
      return { kind: 'held', by: 'rate_limit', waitMs, tokensBooked };
    } catch (error) {
      this.report(error);
      return null;
    }
  }

  /** One bucket has a token and the other none within reach: the delivery comes back and asks both again. */
  private async giveBack(requests: ReserveRequest[]): Promise<void> {
    await Promise.all(requests.map(({ key, limit }) => this.buckets.giveBack(key, limit, 1)));
  }

  private report(error: unknown): void {
    const now = performance.now();
    if (now - this.lastReportAt < 10_000) return;
    this.lastReportAt = now;
    this.logger.warn(`Attempts are not limited while the token buckets are away: ${String(error)}`);
  }
}

const bucket = (key: string, perSecond: number | null): ReserveRequest | null =>
  perSecond === null ? null : { key, limit: { ratePerSecond: perSecond, burst: perSecond }, maxWaitMs: MAX_WAIT_MS };

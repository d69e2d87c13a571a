import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { resolveRetryPolicy } from '../deliveries/retry-policy.js';
import { Feeder } from '../feeder/feeder.service.js';
import { Metrics } from '../metrics/metrics.js';
import type { DeliveryJob } from '../queue/delivery-queue.js';
import { buildDeliveryRequest, maskHeaders } from '../sending/delivery-request.js';
import { AttemptSender } from '../sending/attempt-sender.js';
import { VERSION } from '../common/version.js';
import { DeliveryLimiter } from './delivery-limiter.js';
import { DeliveryStore } from './delivery-store.js';
import type { LoadedDelivery } from './load.query.js';
import { outcomeOfAttempt, outcomeWithoutAttempt } from './outcome.js';
import type { MadeAttempt, Report } from './record.query.js';
import { SigningMaterials } from './signing-material.js';

/** What an attempt needs of its lease beyond its own deadline: to be written down. */
const RECORDING_MARGIN_MS = 15_000;
const HOUR_MS = 3_600_000;

/**
 * One job: load, see whether it may be sent, sign, send, record. What the endpoint does is an outcome; what is thrown here is
 * a fault of our own, spends no attempt, and is made good by the feeder when the lease has run out.
 */
@Injectable()
export class DeliveryProcessor {
  constructor(
    private readonly store: DeliveryStore,
    private readonly materials: SigningMaterials,
    private readonly limiter: DeliveryLimiter,
    private readonly sender: AttemptSender,
    private readonly feeder: Feeder,
    private readonly metrics: Metrics,
    private readonly config: Config,
  ) {}

  async process(job: DeliveryJob): Promise<void> {
    const loadedAt = performance.now();
    const delivery = await this.store.load(job);
    if (delivery === null || !(await this.holdsLease(delivery))) return;
    const report = await this.decide(delivery, loadedAt);
    await this.store.record(report);
    this.count(report);
    this.feeder.completed(delivery.tenant_id, delivery.endpoint_id);
  }

  /** An attempt must not outlive its lease, or another worker would make it as well. */
  private async holdsLease(delivery: LoadedDelivery): Promise<boolean> {
    if (delivery.url === null || delivery.lease_left_ms > delivery.timeout_ms + RECORDING_MARGIN_MS) return true;
    return this.store.extendLease(delivery);
  }

  private async decide(delivery: LoadedDelivery, loadedAt: number): Promise<Report> {
    const policy = resolveRetryPolicy(
      delivery.retry_policy,
      delivery.tenant_retry_policy,
      this.config.defaultRetryPolicy,
    );
    const { maxAttempts } = policy;
    const settled =
      outcomeWithoutAttempt(delivery, this.config.maxDeliveryAgeHours * HOUR_MS) ?? (await this.limiter.hold(delivery));
    if (settled !== null) return { delivery, outcome: settled, attempt: null, maxAttempts };
    const attempt = await this.attempt(delivery, loadedAt);
    return { delivery, outcome: outcomeOfAttempt(delivery, policy, attempt.result, Math.random), attempt, maxAttempts };
  }

  private async attempt(delivery: LoadedDelivery, loadedAt: number): Promise<MadeAttempt> {
    const { keys, headers } = this.materials.of(delivery);
    const request = buildDeliveryRequest({
      event: {
        id: delivery.event_id,
        eventType: delivery.event_type as string,
        source: delivery.source,
        createdAt: delivery.event_created_at as Date,
        payload: delivery.payload as string,
        traceparent: delivery.traceparent,
      },
      endpoint: { url: delivery.url as string, headers, format: delivery.format },
      signingKeys: keys,
      attempt: delivery.attempts + 1,
      // The database's clock and what has passed since: a worker's own may be off by more than receivers tolerate.
      timestampSeconds: Math.floor((delivery.now_ms + performance.now() - loadedAt) / 1_000),
      userAgentVersion: VERSION,
    });
    const result = await this.sender.send({ ...request, timeoutMs: delivery.timeout_ms });
    return { url: request.url, requestHeaders: maskHeaders(request.headers, delivery.header_names), result };
  }

  private count({ attempt, outcome }: Report): void {
    if (outcome.kind === 'held' && outcome.by === 'rate_limit') this.metrics.rateLimitHits.inc({ limit: 'delivery' });
    if (attempt === null) return;
    this.metrics.deliveryAttempts.inc();
    this.metrics.deliveryDuration.observe(attempt.result.durationMs / 1_000);
    if (attempt.result.error === null) this.metrics.deliverySuccess.inc();
    else this.metrics.deliveryFailures.inc({ reason: attempt.result.error.code });
  }
}

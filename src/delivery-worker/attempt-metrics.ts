import { Injectable } from '@nestjs/common';
import { Metrics } from '../metrics/metrics.js';
import type { Report } from './record.query.js';

/** Counts what a worker does. */
@Injectable()
export class AttemptMetrics {
  constructor(private readonly metrics: Metrics) {}

  /** @param _written whether the delivery's new state was written; its lease may have been lost */
  count({ attempt, outcome }: Report, _written: boolean): void {
    if (outcome.kind === 'held' && outcome.by === 'rate_limit') this.metrics.rateLimitHits.inc({ limit: 'delivery' });
    if (attempt === null) return;
    this.metrics.deliveryAttempts.inc();
    this.metrics.deliveryDuration.observe(attempt.result.durationMs / 1_000);
    if (attempt.result.error === null) this.metrics.deliverySuccess.inc();
    else this.metrics.deliveryFailures.inc({ reason: attempt.result.error.code });
  }
}

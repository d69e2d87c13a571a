import { Injectable } from '@nestjs/common';
import { Metrics } from '../metrics/metrics.js';
import type { SettledStatus } from '../stats/rollup-buffer.js';
import { Rollup } from '../stats/rollup.service.js';
import type { Report } from './record.query.js';

/** Counts what a worker does: for its operator in metrics, for its tenants by the minute. */
@Injectable()
export class AttemptMetrics {
  constructor(
    private readonly metrics: Metrics,
    private readonly rollup: Rollup,
  ) {}

  /** @param written whether the delivery's new state was written; its lease may have been lost */
  count(report: Report, written: boolean): void {
    const { delivery, attempt, outcome } = report;
    const status = written ? newStatusOf(report) : null;
    if (status !== null) this.rollup.settled(delivery.tenant_id, status);
    if (outcome.kind === 'held' && outcome.by === 'rate_limit') this.metrics.rateLimitHits.inc({ limit: 'delivery' });
    if (attempt === null) return;
    const { durationMs, error } = attempt.result;
    this.rollup.attempted({
      tenantId: delivery.tenant_id,
      endpointId: delivery.endpoint_id,
      succeeded: error === null,
      durationMs,
    });
    this.metrics.deliveryAttempts.inc();
    this.metrics.deliveryDuration.observe(durationMs / 1_000);
    if (error === null) this.metrics.deliverySuccess.inc();
    else this.metrics.deliveryFailures.inc({ reason: error.code });
  }
}

/** The status that a delivery has ended with now; null when it hasn't, or keeps the one that it had. */
function newStatusOf({ delivery, outcome }: Report): SettledStatus | null {
  switch (outcome.kind) {
    case 'succeeded':
    case 'dead_letter':
      return outcome.kind === delivery.settled_status ? null : outcome.kind;
    case 'cancelled':
      return delivery.settled_status === null ? 'cancelled' : null;
    case 'retry':
    case 'held':
    case 'restored':
      return null;
  }
}

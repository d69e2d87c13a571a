import { Injectable } from '@nestjs/common';
import { EventLog } from '../common/event-log.js';
import { Metrics } from '../metrics/metrics.js';
import { TenantMetrics } from '../metrics/tenant-metrics.js';
import type { SettledStatus } from '../stats/rollup-buffer.js';
import { Rollup } from '../stats/rollup.service.js';
import type { Report } from './record.query.js';

/** Tells what a worker does: its operator in metrics and log lines, its tenants by the minute. */
@Injectable()
export class AttemptMetrics {
  constructor(
    private readonly metrics: Metrics,
    private readonly tenants: TenantMetrics,
    private readonly rollup: Rollup,
    private readonly log: EventLog,
  ) {}

  /** @param written whether the delivery's new state was written; its lease may have been lost */
  count(report: Report, written: boolean): void {
    const { delivery, attempt, outcome } = report;
    const status = written ? newStatusOf(report) : null;
    if (status !== null) this.rollup.settled(delivery.tenant_id, status);
    if (this.log.enabled) this.logLines(report, status);
    if (outcome.kind === 'held' && outcome.by === 'rate_limit') this.metrics.rateLimitHits.inc({ limit: 'delivery' });
    if (attempt === null) return;
    const { durationMs, error } = attempt.result;
    this.rollup.attempted({
      tenantId: delivery.tenant_id,
      endpointId: delivery.endpoint_id,
      succeeded: error === null,
      durationMs,
    });
    this.tenants.attempted(delivery.tenant_id, error === null);
    this.metrics.deliveryAttempts.inc();
    this.metrics.deliveryDuration.observe(durationMs / 1_000);
    if (error === null) this.metrics.deliverySuccess.inc();
    else this.metrics.deliveryFailures.inc({ reason: error.code });
  }

  // Each object is spelled out: to spread what they share into both would cost as much as the rest.
  private logLines({ delivery, attempt, outcome }: Report, status: SettledStatus | null): void {
    const { tenant_id, event_id, id: delivery_id, endpoint_id, event_type } = delivery;
    const attempts = delivery.attempts + (attempt === null ? 0 : 1);
    if (attempt !== null) {
      const { outcome: result, statusCode: status_code, error, durationMs: duration_ms } = attempt.result;
      this.log.write('attempt made', {
        tenant_id,
        event_id,
        delivery_id,
        endpoint_id,
        event_type,
        attempt: attempts,
        outcome: result,
        status_code,
        error: error?.code ?? null,
        duration_ms,
      });
    }
    if (status === null) return;
    this.log.write('delivery settled', {
      tenant_id,
      event_id,
      delivery_id,
      endpoint_id,
      status,
      attempts,
      reason: outcome.kind === 'dead_letter' ? outcome.reason : null,
      age_ms: Math.round(delivery.age_ms),
    });
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

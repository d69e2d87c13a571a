import { Injectable } from '@nestjs/common';
import { EventLog } from '../common/event-log.js';
import { Metrics } from '../metrics/metrics.js';
import { TenantMetrics } from '../metrics/tenant-metrics.js';
import { Rollup } from '../stats/rollup.service.js';
import type { AcceptedEvent } from './ingestor.js';

/** Tells what became of events that were posted: the operator in metrics and log lines, tenants by the minute. */
@Injectable()
export class PublishMetrics {
  constructor(
    private readonly metrics: Metrics,
    private readonly tenants: TenantMetrics,
    private readonly rollup: Rollup,
    private readonly log: EventLog,
  ) {}

  answered(tenantId: string, requestId: string, outcome: 'accepted' | 'duplicate', event: AcceptedEvent): void {
    const { id, eventType, deliveries } = event;
    this.metrics.eventsPublished.inc({ outcome });
    if (outcome === 'accepted') {
      this.rollup.accepted(tenantId, deliveries);
      this.tenants.accepted(tenantId);
    }
    if (!this.log.enabled) return;
    this.log.write('event accepted', {
      request_id: requestId,
      tenant_id: tenantId,
      event_id: id,
      event_type: eventType,
      deliveries,
      duplicate: outcome === 'duplicate',
    });
  }

  refused(): void {
    this.metrics.eventsPublished.inc({ outcome: 'rejected' });
  }
}

import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Counter } from 'prom-client';
import { Config } from '../config/config.js';
import { Metrics } from './metrics.js';

/** Where the tenants go that are beyond the limit. */
const OTHERS = 'other';
/** A tenant that was quiet for so long gives its place to another. */
const QUIET_MS = 3_600_000;
const OUTCOMES = ['succeeded', 'failed'] as const;

/**
 * Counts by tenant, for up to `METRICS_PER_TENANT` of them: each label is a series for ever in Prometheus. Metrics of their
 * own, so that nothing of the others changes when they are turned on.
 */
@Injectable()
export class TenantMetrics {
  private readonly events: Counter<'tenant'> | null = null;
  private readonly attempts: Counter<'tenant' | 'outcome'> | null = null;
  private readonly labelled: LRUCache<string, true> | null = null;

  constructor(
    { registry }: Metrics,
    private readonly config: Config,
  ) {
    if (config.metricsPerTenant === 0) return;
    this.events = new Counter({
      name: 'webhook_tenant_events_published_total',
      help: 'Events accepted, by tenant (METRICS_PER_TENANT).',
      labelNames: ['tenant'],
      registers: [registry],
    });
    this.attempts = new Counter({
      name: 'webhook_tenant_delivery_attempts_total',
      help: 'Attempts made, by tenant and outcome (METRICS_PER_TENANT).',
      labelNames: ['tenant', 'outcome'],
      registers: [registry],
    });
    this.labelled = new LRUCache<string, true>({
      max: config.metricsPerTenant,
      ttl: QUIET_MS,
      updateAgeOnGet: true,
      perf: { now: () => performance.now() },
      dispose: (_value, tenantId) => this.forget(tenantId),
    });
  }

  accepted(tenantId: string): void {
    this.events?.inc({ tenant: this.labelOf(tenantId) });
  }

  attempted(tenantId: string, succeeded: boolean): void {
    this.attempts?.inc({ tenant: this.labelOf(tenantId), outcome: succeeded ? 'succeeded' : 'failed' });
  }

  private labelOf(tenantId: string): string {
    const { labelled } = this;
    if (labelled === null || labelled.get(tenantId) === true) return tenantId;
    if (labelled.size >= this.config.metricsPerTenant) labelled.purgeStale();
    // Not in the place of one that is busy: two that push each other out would make a new series at each event.
    if (labelled.size >= this.config.metricsPerTenant) return OTHERS;
    labelled.set(tenantId, true);
    return tenantId;
  }

  private forget(tenant: string): void {
    this.events?.remove({ tenant });
    for (const outcome of OUTCOMES) this.attempts?.remove({ tenant, outcome });
  }
}

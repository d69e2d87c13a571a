import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../database/tenant-database.js';
import { countPendingOfTenant } from './count-pending.query.js';
import { addCounts } from './latency-buckets.js';
import { presentLatency, successRate } from './latency.dto.js';
import { fillGaps, spanOf, type StatsWindow } from './stats-window.js';
import type { StatsDto } from './stats.dto.js';
import { loadStatsSteps, type StatsStepRow } from './tenant-stats.query.js';
import { readDatabaseClock } from './write-rollups.query.js';

type Sums = Omit<StatsStepRow, 'at' | 'latency_counts'>;

const NOTHING: Sums = {
  events: 0,
  deliveries: 0,
  succeeded: 0,
  dead_letter: 0,
  cancelled: 0,
  attempts_succeeded: 0,
  attempts_failed: 0,
};

@Injectable()
export class StatsService {
  constructor(private readonly db: TenantDatabase) {}

  async read(tenantId: string, window: StatsWindow): Promise<StatsDto> {
    const { span, steps, pending } = await this.db.inTenant(tenantId, async (manager) => {
      const asked = spanOf(window, await readDatabaseClock(manager));
      return {
        span: asked,
        steps: await loadStatsSteps(manager, tenantId, asked),
        pending: await countPendingOfTenant(manager, tenantId),
      };
    });
    const total = (field: keyof Sums): number => steps.reduce((sum, step) => sum + step[field], 0);
    const attempts = { succeeded: total('attempts_succeeded'), failed: total('attempts_failed') };
    const known = new Map<number, Sums>(steps.map((step) => [step.at.getTime(), step]));
    return {
      window,
      since: new Date(span.sinceMs),
      events: total('events'),
      deliveries: {
        pending,
        succeeded: total('succeeded'),
        dead_letter: total('dead_letter'),
        cancelled: total('cancelled'),
      },
      attempts,
      success_rate: successRate(attempts.succeeded, attempts.failed),
      latency_ms: presentLatency(addCounts(steps.map((step) => step.latency_counts))),
      series: fillGaps(span, known, NOTHING).map(({ atMs, value }) => ({
        at: new Date(atMs),
        events: value.events,
        deliveries: value.deliveries,
        succeeded: value.attempts_succeeded,
        failed: value.attempts_failed,
      })),
    };
  }
}

import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { countPendingOfTenant } from './count-pending.query.js';
import { presentLatency, successRate } from './latency.dto.js';
import { fillGaps, spanOf, type StatsWindow } from './stats-window.js';
import type { StatsDto } from './stats.dto.js';
import { loadLatencyCounts, loadStatsSteps, type StatsStepRow } from './tenant-stats.query.js';
import { readDatabaseClock } from './write-rollups.query.js';

type Sums = Omit<StatsStepRow, 'at'>;

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
  constructor(@InjectDataSource() private readonly db: DataSource) {}

  async read(tenantId: string, window: StatsWindow): Promise<StatsDto> {
    const span = spanOf(window, await readDatabaseClock(this.db));
    const [steps, latencyCounts, pending] = await Promise.all([
      loadStatsSteps(this.db, tenantId, span),
      loadLatencyCounts(this.db, tenantId, span.sinceMs),
      countPendingOfTenant(this.db, tenantId),
    ]);
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
      latency_ms: presentLatency(latencyCounts),
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

import type { Backend } from '../../support/backends.js';
import { Chaos } from '../../support/chaos.js';
import { Publisher, type PublishFigures } from '../../support/chaos-publisher.js';
import type { CaseReport } from '../../support/chaos-report.js';
import { waitFor } from '../../support/processes.js';

export interface PostgresRestartReport extends CaseReport {
  publishes: PublishFigures;
}

export interface PostgresRestartOptions {
  backend: Backend;
  events: number;
  perSecond: number;
  restarts: number;
  /** How long it stays away each time. */
  awayMs: number;
}

/** PostgreSQL is stopped at once (SIGQUIT, as `pg_ctl stop -m immediate`) and started again, while events come in. */
export async function restartPostgres(options: PostgresRestartOptions): Promise<PostgresRestartReport> {
  const { backend, events, perSecond, restarts, awayMs } = options;
  return Chaos.run({ backend, workers: 2 }, async (chaos) => {
    const tenants = await chaos.createTenants(8);
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond });
    for (let n = 1; n <= restarts; n++) {
      const moment = (events * n) / (restarts + 1);
      await waitFor(() => publisher.progress >= moment, { timeoutMs: 300_000, what: 'the moment to stop PostgreSQL' });
      await chaos.postgres.kill('SIGQUIT');
      const backAt = performance.now() + awayMs;
      await waitFor(() => performance.now() > backAt, { timeoutMs: awayMs + 1_000, what: 'the outage to end' });
      await chaos.postgres.start();
    }
    await publisher.done;
    const report = await chaos.settle(240_000);
    return { ...report, publishes: publisher.figures() };
  });
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ApiClient } from '../support/api-client.js';
import { describeRedis } from '../support/backends.js';
import { HookServer } from '../support/hook-server.js';
import { startPosthaste, type Posthaste, type Role } from '../support/posthaste.js';
import { waitFor } from '../support/processes.js';
import { hasPrometheus, TestPrometheus } from '../support/prometheus.js';

const DASHBOARDS = join(import.meta.dirname, '../../monitoring/grafana/dashboards');

interface Dashboard {
  uid: string;
  panels: { title: string; datasource: { type: string }; targets: { expr: string }[] }[];
}

/** Every panel's, but for those that ask Loki (`log-fields.test.ts`), and what the chart scales workers by. */
const queries = readdirSync(DASHBOARDS).flatMap((file) => {
  const { uid, panels } = JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')) as Dashboard;
  return panels
    .filter(({ datasource }) => datasource.type === 'prometheus')
    .flatMap(({ title, targets }) => targets.map(({ expr }) => ({ panel: `${uid}: ${title}`, expr })));
});
const { worker: workerValues } = parse(
  readFileSync(join(import.meta.dirname, '../../charts/posthaste/values.yaml'), 'utf8'),
) as { worker: { keda: { query: string } } };
queries.push({ panel: 'values.yaml: worker.keda', expr: workerValues.keda.query });

const BOTH = ['posthaste-api', 'posthaste-worker'];

/** As shipped, but for how long it takes: seconds instead of minutes. */
const hasty = (alerts: string): string =>
  alerts
    .replaceAll(/for: \d+m$/gm, 'for: 2s')
    .replace('age_seconds:max > 120', 'age_seconds:max > 3')
    // One discovery: a target that is down stays listed.
    .replaceAll(/\[5m\]/g, '[30s]');

const suite = (): void => {
  let posthaste: Posthaste;
  let hooks: HookServer;
  let prometheus: TestPrometheus;
  let worker: Role;
  beforeAll(async () => {
    hooks = await HookServer.start();
    posthaste = await startPosthaste({ backend: 'redis', env: { METRICS_PER_TENANT: '10', LEASE_SECONDS: '5' } });
    worker = posthaste.workers[0] as Role;
    prometheus = await TestPrometheus.start(
      [
        { job: 'posthaste-api', url: posthaste.url },
        { job: 'posthaste-worker', url: worker.url },
      ],
      posthaste.adminKey,
      hasty,
    );
  });
  afterAll(async () => {
    await prometheus?.stop();
    await posthaste?.stop();
    await hooks?.close();
  });

  it("gives every dashboard's panels data", async () => {
    const acme = await posthaste.operator.createTenant();
    const limited = await posthaste.operator.createTenant({ rate_limit: 1 });
    const stranger = new ApiClient(posthaste.url, 'ph_nobody');
    hooks.respond('/gone', () => ({ status: 410 }));
    hooks.respond('/failing', () => ({ status: 500 }));
    for (const path of ['/ok', '/gone', '/failing']) await acme.createEndpoint(hooks.url(path));
    let unanswered: string[] = [];
    await waitFor(
      async () => {
        // Rates need counters that move between two scrapes.
        await acme.publish();
        // Limits that are hit, and keys that are none until somebody is told.
        const refused = await Promise.all([
          ...[1, 2].map(() => limited.call('POST', '/events', { body: { event_type: 'order.created', payload: {} } })),
          ...[1, 2, 3].map(() => stranger.call('GET', '/endpoints')),
        ]);
        expect(refused.slice(2).map(({ status }) => status)).toEqual([401, 401, 401]);
        const answers = await Promise.all(
          queries.map(async ({ panel, expr }) => {
            const samples = await prometheus.query(expr.replaceAll('$__rate_interval', '1m'));
            return samples.length > 0 ? [] : [`${panel}: ${expr}`];
          }),
        );
        unanswered = answers.flat();
        const isTold = (await prometheus.firing()).includes('PosthasteAuthenticationsFailing');
        return unanswered.length === 0 && isTold;
      },
      { what: 'all panels to have data, and an alert on keys that are none' },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${unanswered.join('\n')}`, { cause: error });
    });
    expect(queries.length).toBeGreaterThan(40);
    // What the processes tell of the same database isn't added up.
    const [deadLetters] = await prometheus.query('installation:webhook_dlq_size:max');
    expect(Number(deadLetters?.value[1])).toBeGreaterThanOrEqual(1);
  });

  it.each([
    ['webhook_events_published_total', ['posthaste-api']],
    ['webhook_ingest_batch_size_count', ['posthaste-api']],
    ['webhook_rate_limit_hits_total', ['posthaste-api']],
    ['webhook_delivery_attempts_total', ['posthaste-worker']],
    ['webhook_delivery_success_total', ['posthaste-worker']],
    ['webhook_delivery_failures_total', ['posthaste-worker']],
    ['webhook_delivery_duration_seconds_count', ['posthaste-worker']],
    ['webhook_http_requests_total', BOTH],
    // 0 is what these may well be.
    ['webhook_oldest_due_delivery_age_seconds + 1', BOTH],
    ['webhook_backlog_deliveries + 1', BOTH],
    ['webhook_queue_jobs + 1', BOTH],
    ['webhook_dlq_size', BOTH],
    ['webhook_circuits', BOTH],
    ['webhook_ready', BOTH],
    ['process_cpu_seconds_total', BOTH],
  ])('has %s of %j', async (metric, jobs) => {
    const samples = await prometheus.query(`sum by (job) (${metric}) > 0`);
    expect(samples.map(({ metric: { job } }) => job).sort()).toEqual(jobs);
  });

  it('raises an alarm when deliveries stop, and calls it off when they are made again', async () => {
    const ofWorker = ['PosthasteNoWorker', 'PosthasteOldestDueDelivery', 'PosthasteProcessDown'];
    const firing = async (): Promise<string[]> =>
      (await prometheus.firing()).filter((alert) => ofWorker.includes(alert));
    // A machine that is busy with other things may have kept a scrape waiting.
    await waitFor(async () => (await firing()).length === 0, { what: 'no alert yet' });

    const acme = await posthaste.operator.createTenant();
    await acme.createEndpoint(hooks.url('/late'));
    await worker.stop();
    await acme.publish();
    await waitFor(async () => (await firing()).length === ofWorker.length, {
      what: 'the alerts to fire',
    });
    expect(await firing()).toEqual(ofWorker);
    expect(hooks.at('/late')).toEqual([]);

    await posthaste.startWorker({ WORKER_PORT: new URL(worker.url).port });
    await hooks.waitForRequests('/late', 1);
    await waitFor(async () => (await firing()).length === 0, { what: 'the alerts to clear' });
  }, 300_000);
};

// Redis' memory is among what the panels show.
if (hasPrometheus()) describeRedis('monitoring', suite);
else describe.skip('monitoring (skipped, as there is no Prometheus)', suite);

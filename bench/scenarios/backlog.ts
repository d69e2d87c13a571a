import type { Bench } from '../bench-run.js';
import { sharedNow } from '../clock.js';
import { EVENT_PAYLOAD } from '../generator/event-request.js';
import { AcceptedLog } from '../generator/accepted-log.js';
import { LoadRun } from '../load-run.js';
import { Meter } from '../meter.js';
import { countPending } from '../pending.query.js';
import { Posthaste } from '../posthaste.js';
import { reconcile } from '../reconcile.js';
import type { ScenarioResult } from '../results.js';
import { complaints, costSince, perUnit, rounded } from '../run-record.js';
import { insertBacklog } from '../seed/insert-backlog.query.js';
import { onSeedLanes, settleTables } from '../seed/seed-lanes.js';
import { readDurability, type Servers, startServers } from '../servers.js';
import { createTenants, type Tenants } from '../tenants.js';
import type { AcceptedEvents } from '../wire.js';

const TENANTS = 100;
const CHUNK_ROWS = 20_000;

/**
 * As after an outage: deliveries by the million are due when the workers come up. What it costs to hold them (Redis, the
 * processes) and how fast they go. They are put into the database directly: how they came there is not what is measured.
 */
export async function runBacklog(bench: Bench): Promise<ScenarioResult> {
  const { options, progress } = bench;
  progress.show('backlog', 'starting', 0);
  const servers = await startServers(bench, { redis: options.redis, migrate: true });
  const count = options.tenants ?? TENANTS;
  const run = await LoadRun.start(bench, 'backlog', { origins: count, flakyShare: 0, slowMs: 0 });
  const posthaste = new Posthaste(bench, servers);
  await posthaste.startApis();
  const tenants = await createTenants(posthaste, { tenants: count, fanOut: 1, kindOf: () => 'ok' }, run.ports);
  const accepted = await seed(bench, servers, tenants);

  const startedAt = sharedNow();
  await posthaste.startWorkers();
  const meter = new Meter({
    api: posthaste.apis.map(({ pid }) => pid),
    worker: posthaste.workers.map(({ pid }) => pid),
    postgres: [servers.postgresPid],
    redis: servers.redis === undefined ? [] : [servers.redis.pid],
    generator: [],
    receiver: [run.receiverPid],
  });
  const before = meter.reading();
  const deliveredBefore = run.delivered;
  const pending = (): Promise<number> => countPending(servers.db);
  const settledAt = await run.settle(options.backlog, pending, options.settleSeconds);
  const cost = costSince(meter, before);
  meter.stop();
  const pendingAtEnd = await pending();

  const received = await run.collect(tenants.secrets);
  const { verdict } = reconcile(accepted, received, tenants.endpointsOf);
  // From the first request on: starting a worker takes as long for one delivery as for a million.
  const totalSeconds = ((settledAt ?? sharedNow()) - (received.firstByteAt[0] ?? startedAt)) / 1_000;
  const drained = verdict.delivered - deliveredBefore;
  const rate = rounded(verdict.delivered / totalSeconds);
  const problems = [
    ...(settledAt === undefined ? ['Not everything settled: nothing arrived any more.'] : []),
    ...complaints(verdict),
    ...(pendingAtEnd > 0 ? [`${pendingAtEnd} deliveries were left pending.`] : []),
  ];
  const durability = await readDurability(servers.db);
  problems.push(...(await posthaste.stop()));
  return {
    scenario: 'backlog',
    load: `${options.backlog} deliveries of ${count} tenants due at the start`,
    headline: 'deliveriesPerSecond',
    passed: problems.length === 0,
    problems,
    events: verdict.events,
    deliveries: verdict.delivered,
    loadSeconds: 0,
    totalSeconds: rounded(totalSeconds),
    acceptedPerSecond: 0,
    eventsPerSecond: rate,
    deliveriesPerSecond: rate,
    deliveredUnderLoadPerSecond: 0,
    // What was sent while the workers were still being waited for is not in the CPU time either.
    cpuMicrosPerEvent: perUnit(cost.cpu, drained),
    cpuMicrosPerDelivery: perUnit(cost.cpu, drained),
    peakMegabytes: cost.peakMegabytes,
    machine: cost.machine,
    mainThreads: cost.mainThreads,
    latenciesMs: {},
    pendingAtEnd,
    reconciliation: verdict,
    durability,
  };
}

async function seed({ options, progress }: Bench, servers: Servers, tenants: Tenants): Promise<AcceptedEvents> {
  const log = new AcceptedLog();
  const chunks = Math.ceil(options.backlog / CHUNK_ROWS);
  await onSeedLanes(servers.databaseUrl, chunks, async (lane, index) => {
    const events = await insertBacklog(lane, {
      count: Math.min(CHUNK_ROWS, options.backlog - index * CHUNK_ROWS),
      tenantIds: tenants.ids,
      endpointIds: tenants.endpointIds,
      payload: EVENT_PAYLOAD,
    });
    const now = sharedNow();
    for (const { id, tenant } of events) log.add(id, tenant, now, now);
    progress.show('backlog', 'seeding', log.count / options.backlog, log.count.toLocaleString('en'));
  });
  await settleTables(servers.db);
  return log.events();
}

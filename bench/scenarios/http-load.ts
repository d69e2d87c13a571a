import type { Bench } from '../bench-run.js';
import { eventTemplate } from '../generator/event-request.js';
import { LoadRun } from '../load-run.js';
import { Meter } from '../meter.js';
import { countPending } from '../pending.query.js';
import { Posthaste } from '../posthaste.js';
import { type ScenarioResult } from '../results.js';
import { costSince, type LoadRecord, recordLoad } from '../run-record.js';
import type { ScenarioName } from '../scenario-names.js';
import { readDurability, type Servers, startServers } from '../servers.js';
import { beginStatements, readStatements } from '../statements.query.js';
import { createTenants, type Tenants, type TenantsPlan } from '../tenants.js';
import type { LoadPlan, ReceiverPlan } from '../wire.js';

/** Customers have servers of their own; more than these are no different from these many. */
const MAX_ORIGINS = 1_000;

export interface HttpLoad {
  scenario: ScenarioName;
  load: string;
  headline: ScenarioResult['headline'];
  tenants: TenantsPlan;
  receiver: Omit<ReceiverPlan, 'origins'>;
  redis: boolean;
  seconds: number;
  ratePerSecond?: number;
  outstanding?: number;
  weights?: number[];
  /** Before the workers start: what the database holds already. */
  prepare?: (servers: Servers, tenants: Tenants) => Promise<void>;
  /** After everything has settled: further figures. */
  measureMore?: (stage: {
    posthaste: Posthaste;
    servers: Servers;
    tenants: Tenants;
    record: LoadRecord;
  }) => Promise<ScenarioResult['latenciesMs']>;
}

/** Load through the real API on servers of its own, until everything is delivered and recorded. */
export async function runHttpLoad(bench: Bench, spec: HttpLoad): Promise<ScenarioResult> {
  const { progress, options } = bench;
  const { scenario } = spec;
  progress.show(scenario, 'starting', 0);
  const servers = await startServers(bench, { redis: spec.redis, migrate: true });
  const origins = Math.min(spec.tenants.tenants * spec.tenants.fanOut, MAX_ORIGINS);
  const run = await LoadRun.start(bench, scenario, { ...spec.receiver, origins });
  const posthaste = new Posthaste(bench, servers);
  await posthaste.startApis();
  progress.show(scenario, 'creating tenants', 0);
  const tenants = await createTenants(posthaste, spec.tenants, run.ports);
  await spec.prepare?.(servers, tenants);
  await posthaste.startWorkers();

  const { fanOut } = spec.tenants;
  const plan: LoadPlan = {
    host: '127.0.0.1',
    ports: posthaste.ports,
    connections: options.connections,
    templates: tenants.apiKeys.map((key) => eventTemplate(key)),
    seconds: spec.seconds,
    fanOut,
    weights: spec.weights,
    ratePerSecond: spec.ratePerSecond,
    outstanding: spec.outstanding,
  };
  const pending = (): Promise<number> => countPending(servers.db);
  const warmup =
    options.warmupSeconds > 0 ? await run.apply({ ...plan, seconds: options.warmupSeconds }, 'warming up') : undefined;
  const warm = (warmup?.accepted.tenants.length ?? 0) * fanOut;
  await run.settle(warm, pending, options.settleSeconds);

  const meter = new Meter({
    api: posthaste.apis.map(({ pid }) => pid),
    worker: posthaste.workers.map(({ pid }) => pid),
    postgres: [servers.postgresPid],
    redis: servers.redis === undefined ? [] : [servers.redis.pid],
    generator: [run.generatorPid],
    receiver: [run.receiverPid],
  });
  if (options.statements) await beginStatements(servers.db);
  const before = meter.reading();
  const main = await run.apply(plan, 'load');
  const settledAt = await run.settle(warm + main.accepted.tenants.length * fanOut, pending, options.settleSeconds);
  const cost = costSince(meter, before);
  meter.stop();
  const statements = options.statements ? await readStatements(servers.db) : undefined;
  const pendingAtEnd = await pending();
  const record = await recordLoad(run, { warmup, main, settledAt, cost, fanOut }, tenants.secrets, tenants.endpointsOf);
  const more = await spec.measureMore?.({ posthaste, servers, tenants, record });
  const durability = await readDurability(servers.db);
  const problems = [...record.figures.problems, ...(await posthaste.stop())];
  if (pendingAtEnd > 0) problems.push(`${pendingAtEnd} deliveries were left pending.`);
  return {
    ...record.figures,
    scenario,
    load: spec.load,
    headline: spec.headline,
    passed: problems.length === 0,
    problems,
    latenciesMs: { ...record.figures.latenciesMs, ...more },
    pendingAtEnd,
    statements,
    durability,
  };
}

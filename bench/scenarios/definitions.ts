import type { Bench } from '../bench-run.js';
import { zipfWeights } from '../generator/tenant-picker.js';
import { percentilesOf } from '../percentiles.js';
import type { ScenarioResult } from '../results.js';
import { pickArrivals } from '../run-record.js';
import type { ScenarioName } from '../scenario-names.js';
import type { EndpointKind } from '../wire.js';
import { EVENT_PAYLOAD } from '../generator/event-request.js';
import { AGED_DAYS, seedAged } from '../seed/aged.js';
import { runBacklog } from './backlog.js';
import { measureRoutes } from './measure-routes.js';
import { runFloor } from './floor.js';
import { type HttpLoad, runHttpLoad } from './http-load.js';

const DEFAULT_SECONDS = 10;
const STEADY_SECONDS = 30;
const FLAKY_SHARE = 0.3;
const SLOW_MS = 2_000;
/** Enough attempts that 30 percent failures end in no dead letter (0.3^20), and waits that a run can sit out. */
const STORM_POLICY = { retry_policy: { max_attempts: 20, schedule_seconds: [0, 1] } };

const isSlow = (endpoint: number): boolean => endpoint % 5 === 4;
const allAre =
  (kind: EndpointKind): (() => EndpointKind) =>
  () =>
    kind;

/** What all scenarios begin from: a few customers with an endpoint each, all well, on Redis. */
function usual(bench: Bench, scenario: ScenarioName, tenants = 20, fanOut = 1): HttpLoad {
  const { options } = bench;
  const count = options.tenants ?? tenants;
  return {
    scenario,
    load: `${count} tenants, fan-out ${fanOut}${options.redis ? '' : ', without Redis'}, at most ${options.outstanding} deliveries under way`,
    headline: 'eventsPerSecond',
    tenants: { tenants: count, fanOut, kindOf: allAre('ok') },
    receiver: { flakyShare: 0, slowMs: 0 },
    redis: options.redis,
    seconds: options.seconds ?? DEFAULT_SECONDS,
    outstanding: options.outstanding,
  };
}

/** Events at even intervals, whatever becomes of them. */
function atRate(load: HttpLoad, { options }: Bench): HttpLoad {
  return {
    ...load,
    load: `${load.tenants.tenants} tenants, fan-out 1, ${options.ratePerSecond} events a second at even intervals`,
    seconds: options.seconds ?? STEADY_SECONDS,
    ratePerSecond: options.ratePerSecond,
    outstanding: undefined,
  };
}

function slow(bench: Bench): HttpLoad {
  const load = atRate(usual(bench, 'slow', 100), bench);
  return {
    ...load,
    load: `${load.load}; every fifth endpoint answers after ${SLOW_MS / 1000} s`,
    headline: 'deliveredUnderLoadPerSecond',
    tenants: { ...load.tenants, kindOf: (endpoint) => (isSlow(endpoint) ? 'slow' : 'ok') },
    receiver: { flakyShare: 0, slowMs: SLOW_MS },
    // What matters is how those fare whose endpoints are well.
    measureMore: ({ record: { arrivals, firstEvent } }) => {
      const of = (wanted: (endpoint: number) => boolean) =>
        percentilesOf(
          pickArrivals(arrivals, arrivals.fromAccept, (event, endpoint) => event >= firstEvent && wanted(endpoint)),
        );
      return Promise.resolve({
        'accept to receiver, endpoints that are well': of((endpoint) => !isSlow(endpoint)),
        'accept to receiver, slow endpoints': of(isSlow),
      });
    },
  };
}

function retryStorm(bench: Bench): HttpLoad {
  const load = usual(bench, 'retry-storm');
  return {
    ...load,
    load: `${load.load}; ${FLAKY_SHARE * 100} percent of the attempts fail, retried after a second`,
    tenants: { ...load.tenants, kindOf: allAre('flaky'), endpointSettings: STORM_POLICY },
    receiver: { flakyShare: FLAKY_SHARE, slowMs: 0 },
    // Those that wait for their retry are under way as well: they must not keep the generator.
    outstanding: load.outstanding === undefined ? undefined : load.outstanding * 3,
    headline: 'deliveredUnderLoadPerSecond',
  };
}

function manyTenants(bench: Bench): HttpLoad {
  const load = usual(bench, 'tenants', 1_000);
  return { ...load, load: `${load.load}; Zipf-distributed`, weights: zipfWeights(load.tenants.tenants) };
}

function ingest(bench: Bench): HttpLoad {
  const load = usual(bench, 'ingest');
  return {
    ...load,
    load: `${load.tenants.tenants} tenants, fan-out 1, ${bench.options.connections} connections as fast as they go`,
    headline: 'acceptedPerSecond',
    outstanding: undefined,
  };
}

function aged(bench: Bench): HttpLoad {
  const load = usual(bench, 'aged');
  const deliveries = bench.options.aged;
  return {
    ...load,
    load: `${load.load}; on ${deliveries} deliveries of the past ${AGED_DAYS} days`,
    prepare: (servers, tenants) =>
      seedAged(servers, tenants, { deliveries, payload: EVENT_PAYLOAD }, (done) =>
        bench.progress.show('aged', 'seeding', done, `${Math.round(done * 100)} %`),
      ),
    measureMore: ({ posthaste, servers, tenants }) => measureRoutes(bench, posthaste, servers, tenants),
  };
}

/** Runs one scenario on servers of its own. */
export function runScenario(name: ScenarioName, bench: Bench): Promise<ScenarioResult> {
  switch (name) {
    case 'floor':
      return runFloor(bench);
    case 'ingest':
      return runHttpLoad(bench, ingest(bench));
    case 'steady':
      return runHttpLoad(bench, atRate(usual(bench, 'steady'), bench));
    case 'end-to-end':
      return runHttpLoad(bench, usual(bench, 'end-to-end'));
    case 'end-to-end-10':
      return runHttpLoad(bench, { ...usual(bench, 'end-to-end-10', 20, 10), headline: 'deliveriesPerSecond' });
    case 'retry-storm':
      return runHttpLoad(bench, retryStorm(bench));
    case 'slow':
      return runHttpLoad(bench, slow(bench));
    case 'tenants':
      return runHttpLoad(bench, manyTenants(bench));
    case 'aged':
      return runHttpLoad(bench, aged(bench));
    case 'backlog':
      return runBacklog(bench);
    case 'postgres-only':
      return runHttpLoad(bench, { ...usual(bench, 'postgres-only'), redis: false });
  }
}

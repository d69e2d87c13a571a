import { sharedNow } from './clock.js';
import type { LoadRun } from './load-run.js';
import { type CpuTimes, forParts, type Meter, type Part, PARTS, type Reading } from './meter.js';
import { percentilesOf } from './percentiles.js';
import { type Accepted, type Arrivals, isClean, reconcile, type Reconciliation } from './reconcile.js';
import type { MachineShare, MainThreadShares, ScenarioResult } from './results.js';
import type { AcceptedEvents, LoadResult } from './wire.js';

/** The arrays of several loads, one after the other. */
export function joinAccepted(parts: readonly AcceptedEvents[]): AcceptedEvents {
  const length = parts.reduce((sum, { tenants }) => sum + tenants.length, 0);
  const joined = {
    ids: Buffer.concat(parts.map(({ ids }) => ids)),
    tenants: new Uint32Array(length),
    sentAt: new Float64Array(length),
    acceptedAt: new Float64Array(length),
  };
  let at = 0;
  for (const part of parts) {
    joined.tenants.set(part.tenants, at);
    joined.sentAt.set(part.sentAt, at);
    joined.acceptedAt.set(part.acceptedAt, at);
    at += part.tenants.length;
  }
  return joined;
}

/** From each request to its answer. */
export function acceptTimes({ sentAt, acceptedAt }: AcceptedEvents): Float64Array {
  return acceptedAt.map((at, index) => at - (sentAt[index] ?? 0));
}

/** Values of those arrivals that `wanted` picks by the event's place and the endpoint's number. */
export function pickArrivals(
  arrivals: Arrivals,
  values: Float64Array,
  wanted: (event: number, endpoint: number) => boolean,
): Float64Array {
  return values.filter((_value, n) => wanted(arrivals.events[n] ?? 0, arrivals.endpoints[n] ?? 0));
}

/** What a measured stretch of time has cost. */
export interface Cost {
  cpu: CpuTimes;
  peakMegabytes: Record<Part, number>;
  machine: MachineShare;
  mainThreads: Record<Part, MainThreadShares | null>;
}

export function costSince(meter: Meter, before: Reading): Cost {
  const after = meter.reading();
  const peaks = meter.peakBytes();
  const cpu = forParts((part) => after.parts[part] - before.parts[part]);
  const busyMs = after.machine.busyMs - before.machine.busyMs;
  const allMs = Math.max(busyMs + after.machine.idleMs - before.machine.idleMs, 1);
  const oursMs = PARTS.reduce((sum, part) => sum + cpu[part], after.benchMs - before.benchMs);
  return {
    cpu,
    machine: {
      ours: rounded(oursMs / allMs),
      others: rounded(Math.max(busyMs - oursMs, 0) / allMs),
      idle: rounded(1 - busyMs / allMs),
    },
    mainThreads: forParts((part) => busiest(before.mainThreads[part], after.mainThreads[part], after.at - before.at)),
    peakMegabytes: forParts((part) => Math.round(peaks[part] / 1024 ** 2)),
  };
}

/** Shares of the main thread that ran most, of processes in the same order before and after. */
function busiest(
  before: Reading['mainThreads'][Part],
  after: Reading['mainThreads'][Part],
  tookMs: number,
): MainThreadShares | null {
  const all = after.flatMap((now, index): MainThreadShares[] => {
    const then = before[index];
    if (now === undefined || then === undefined) return [];
    return [
      {
        running: rounded((now.runningMs - then.runningMs) / tookMs),
        waiting: rounded((now.waitingMs - then.waitingMs) / tookMs),
      },
    ];
  });
  return all.sort((a, b) => b.running - a.running)[0] ?? null;
}

export const perUnit = (cpu: CpuTimes, count: number): CpuTimes =>
  forParts((part) => Math.round((cpu[part] * 10_000) / Math.max(count, 1)) / 10);

export interface MeasuredLoad {
  warmup: LoadResult | undefined;
  main: LoadResult;
  /** Undefined: it did not settle in time. */
  settledAt: number | undefined;
  cost: Cost;
  fanOut: number;
}

export interface LoadRecord {
  figures: Omit<ScenarioResult, 'scenario' | 'load' | 'passed' | 'headline' | 'pendingAtEnd' | 'durability'>;
  arrivals: Arrivals;
  /** Those before it were for warming up. */
  firstEvent: number;
}

/** All figures of a load that was applied through HTTP, and whether what arrived is what was accepted. */
export async function recordLoad(
  run: LoadRun,
  { warmup, main, settledAt, cost, fanOut }: MeasuredLoad,
  secrets: string[],
  endpointsOf: readonly (readonly number[])[],
): Promise<LoadRecord> {
  const accepted: Accepted = joinAccepted([...(warmup === undefined ? [] : [warmup.accepted]), main.accepted]);
  const firstEvent = warmup?.accepted.tenants.length ?? 0;
  const { verdict, arrivals } = reconcile(accepted, await run.collect(secrets), endpointsOf);
  const events = main.accepted.tenants.length;
  const deliveries = events * fanOut;
  const loadSeconds = (main.endedAt - main.startedAt) / 1_000;
  const totalSeconds = ((settledAt ?? sharedNow()) - main.startedAt) / 1_000;
  const measured = (event: number): boolean => event >= firstEvent;
  const arrivedUnderLoad = arrivals.fromSend.reduce((count, waited, n) => {
    const event = arrivals.events[n] ?? 0;
    return measured(event) && (accepted.sentAt[event] ?? 0) + waited <= main.endedAt ? count + 1 : count;
  }, 0);
  const figures = {
    problems: [
      ...refusals(main),
      ...(warmup === undefined ? [] : refusals(warmup)),
      ...(settledAt === undefined ? ['Not everything settled in time.'] : []),
      ...complaints(verdict),
    ],
    events,
    deliveries,
    loadSeconds: rounded(loadSeconds),
    totalSeconds: rounded(totalSeconds),
    acceptedPerSecond: rounded(events / loadSeconds),
    eventsPerSecond: rounded(events / totalSeconds),
    deliveriesPerSecond: rounded(deliveries / totalSeconds),
    deliveredUnderLoadPerSecond: rounded(arrivedUnderLoad / loadSeconds),
    cpuMicrosPerEvent: perUnit(cost.cpu, events),
    cpuMicrosPerDelivery: perUnit(cost.cpu, deliveries),
    peakMegabytes: cost.peakMegabytes,
    machine: cost.machine,
    mainThreads: cost.mainThreads,
    latenciesMs: {
      accept: percentilesOf(acceptTimes(main.accepted)),
      acceptToReceiver: percentilesOf(pickArrivals(arrivals, arrivals.fromAccept, measured)),
      requestToReceiver: percentilesOf(pickArrivals(arrivals, arrivals.fromSend, measured)),
    },
    reconciliation: verdict,
  };
  return { figures, arrivals, firstEvent };
}

/** What is wrong, in sentences; empty when everything arrived once and signed. */
export function complaints(verdict: Reconciliation): string[] {
  if (isClean(verdict)) return [];
  const { lost, duplicates, unexpected, badSignatures, repeatedIds, examples } = verdict;
  return [
    `Reconciliation failed: ${lost} lost, ${duplicates} duplicates, ${unexpected} unexpected, ` +
      `${badSignatures} bad signatures, ${repeatedIds} repeated ids.`,
    ...examples,
  ];
}

const refusals = ({ refused }: LoadResult): string[] =>
  Object.entries(refused).map(([status, count]) =>
    status === '0' ? `${count} requests got no answer.` : `${count} requests were answered ${status}.`,
  );

export const rounded = (value: number): number => Math.round(value * 100) / 100;

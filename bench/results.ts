import type { Reconciliation } from './reconcile.js';
import type { CpuTimes, Part } from './meter.js';
import type { Percentiles } from './percentiles.js';
import type { ScenarioName } from './scenario-names.js';
import type { Durability } from './servers.js';
import type { StatementCost } from './statements.query.js';

/** Shares of the machine's CPU time while it was measured: on a machine that others use, figures say little. */
export interface MachineShare {
  /** All that the benchmark has started, and itself. */
  ours: number;
  others: number;
  idle: number;
}

/** Shares of the time that a process's main thread ran, and that it could have run and found no core. */
export interface MainThreadShares {
  running: number;
  waiting: number;
}

export interface ScenarioResult {
  scenario: ScenarioName;
  /** In a few words, with the figures of the load. */
  load: string;
  /** Nothing lost, nothing doubled, nothing left behind, all processes ended well. */
  passed: boolean;
  problems: string[];
  events: number;
  deliveries: number;
  /** From the first request to the last answer. */
  loadSeconds: number;
  /** From the first request until everything was delivered and recorded. */
  totalSeconds: number;
  /** Events answered 202 a second, while load was applied. */
  acceptedPerSecond: number;
  /** Events accepted, delivered and recorded a second, over the total time. */
  eventsPerSecond: number;
  deliveriesPerSecond: number;
  /** Deliveries that arrived while load was applied, a second of that: without the tail of retries or of a backlog. */
  deliveredUnderLoadPerSecond: number;
  /** Which of the rates is the scenario's own. */
  headline: 'acceptedPerSecond' | 'eventsPerSecond' | 'deliveriesPerSecond' | 'deliveredUnderLoadPerSecond';
  /** Share of the floor's rate in the same run. */
  ofFloor?: number;
  /** Microseconds of CPU time, user and system, over the total time. */
  cpuMicrosPerEvent: CpuTimes;
  cpuMicrosPerDelivery: CpuTimes;
  peakMegabytes: Record<Part, number>;
  machine: MachineShare;
  /** Of the busiest process of each part; null where there is none, or the kernel does not tell. */
  mainThreads: Record<Part, MainThreadShares | null>;
  latenciesMs: {
    /** From the request, or the moment planned for it, to the answer. */
    accept?: Percentiles | null;
    /** From the answer 202 to the receiver's first byte. */
    acceptToReceiver?: Percentiles | null;
    /** From the request, or the moment planned for it, to the receiver's first byte. */
    requestToReceiver?: Percentiles | null;
    /** Further ones that a scenario has. */
    [name: string]: Percentiles | null | undefined;
  };
  pendingAtEnd: number;
  /** The most expensive ones, where they were asked for. */
  statements?: StatementCost[];
  reconciliation: Reconciliation;
  durability: Durability;
}

import { alignColumns } from '../demo/terminal.js';
import type { Machine } from './machine.js';
import { PARTS } from './meter.js';
import type { BenchOptions } from './options.js';
import type { Percentiles } from './percentiles.js';
import type { MainThreadShares, ScenarioResult } from './results.js';

/** Those whose main thread does what they are there for. */
const THREADED = PARTS.filter((part) => part !== 'postgres');

/** Everything that a run has come to; what the JSON file holds. */
export interface BenchReport {
  startedAt: string;
  passed: boolean;
  machine: Machine;
  versions: { posthaste: string; redis: string | null };
  /** What differs from the settings that ship, of API and workers. */
  overrides: Record<string, string>;
  postgresSettings: Record<string, string>;
  dataInMemory: boolean;
  options: BenchOptions;
  scenarios: ScenarioResult[];
}

/** The conditions of a run, before it begins. */
export function headLines(report: BenchReport): string[] {
  const { machine, versions, overrides, postgresSettings } = report;
  const list = (settings: Record<string, string>): string =>
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ');
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryMegabytes} MB; ${machine.system}; Node ${machine.node}`,
    `load average ${machine.loadAverage.join(' ')}; Redis ${versions.redis ?? 'none'}; Posthaste ${versions.posthaste}`,
    `settings that differ from those that ship: ${list(overrides)}; tenants without a rate limit`,
    `PostgreSQL: ${list(postgresSettings)}`,
    ...(report.dataInMemory
      ? ['WARNING: the data lies in memory (tmpfs), where fsync costs nothing. Choose a disk with --dir.']
      : []),
  ];
}

/** The tables at the end. */
export function tableLines(scenarios: readonly ScenarioResult[]): string[] {
  return [
    ...section(
      'Rates a second',
      ['scenario', 'accepted', 'events', 'deliveries', 'under load', 'of floor', 'count', 'load s', 'total s', ''],
      scenarios,
      rateCells,
    ),
    ...section(
      'CPU microseconds an event, and shares of the machine',
      ['scenario', ...PARTS, 'all', 'ours', 'others', 'idle'],
      scenarios,
      cpuCells,
    ),
    ...section(
      'Main threads: running, and waiting for a core, of the time',
      ['scenario', ...THREADED],
      scenarios,
      ({ mainThreads }) => THREADED.map((part) => threadCell(mainThreads[part])),
    ),
    ...section('Peak memory, MB', ['scenario', ...PARTS], scenarios, ({ peakMegabytes }) =>
      PARTS.map((part) => String(peakMegabytes[part])),
    ),
    ...latencyLines(scenarios),
    ...durabilityLines(scenarios),
  ];
}

/** What went wrong in a scenario; empty when nothing did. */
export const problemLines = ({ scenario, problems }: ScenarioResult): string[] =>
  problems.map((problem) => `FAILED ${scenario}: ${problem}`);

/** What each SQL statement has cost, where that was asked for. */
export function statementLines({ scenario, statements, events }: ScenarioResult): string[] {
  if (statements === undefined) return [];
  const rows = statements.map(({ calls, rows: count, totalMs, walBytes, query }) => [
    ((totalMs * 1_000) / Math.max(events, 1)).toFixed(1),
    (walBytes / Math.max(events, 1)).toFixed(0),
    whole(calls),
    (count / Math.max(calls, 1)).toFixed(1),
    query.slice(0, 100),
  ]);
  const head = ['µs an event', 'WAL bytes an event', 'calls', 'rows a call', 'statement'];
  return [`Statements of ${scenario}`, ...alignColumns([head, ...rows])];
}

/** A scenario's figures in a line, as soon as it is over. */
export function summaryLine(result: ScenarioResult): string {
  const { scenario, load, acceptedPerSecond, eventsPerSecond, deliveriesPerSecond, ofFloor, latenciesMs } = result;
  const parts = [
    `${scenario}: ${result.passed ? '' : 'FAILED '}${whole(eventsPerSecond)} events/s, ${whole(deliveriesPerSecond)} deliveries/s`,
    `accepted ${whole(acceptedPerSecond)}/s`,
    ...(ofFloor === undefined ? [] : [`${percent(ofFloor)} of the floor`]),
    `accept p99 ${latenciesMs.accept?.p99 ?? '-'} ms`,
    `to receiver p50 ${latenciesMs.acceptToReceiver?.p50 ?? '-'} p99 ${latenciesMs.acceptToReceiver?.p99 ?? '-'} ms`,
  ];
  return `${parts.join(', ')} (${load})`;
}

function section(
  title: string,
  head: readonly string[],
  scenarios: readonly ScenarioResult[],
  cells: (result: ScenarioResult) => string[],
): string[] {
  return ['', title, ...alignColumns([head, ...scenarios.map((result) => [result.scenario, ...cells(result)])])];
}

function rateCells(result: ScenarioResult): string[] {
  return [
    whole(result.acceptedPerSecond),
    whole(result.eventsPerSecond),
    whole(result.deliveriesPerSecond),
    whole(result.deliveredUnderLoadPerSecond),
    result.ofFloor === undefined ? '-' : percent(result.ofFloor),
    whole(result.events),
    result.loadSeconds.toFixed(1),
    result.totalSeconds.toFixed(1),
    result.passed ? 'ok' : 'FAILED',
  ];
}

function cpuCells({ cpuMicrosPerEvent, machine }: ScenarioResult): string[] {
  const all = PARTS.reduce((sum, part) => sum + cpuMicrosPerEvent[part], 0);
  const shares = [machine.ours, machine.others, machine.idle].map(percent);
  return [...PARTS.map((part) => cpuMicrosPerEvent[part].toFixed(0)), all.toFixed(0), ...shares];
}

const threadCell = (shares: MainThreadShares | null): string =>
  shares === null ? '-' : `${percent(shares.running)} + ${percent(shares.waiting)}`;

function latencyLines(scenarios: readonly ScenarioResult[]): string[] {
  const rows = scenarios.flatMap(({ scenario, latenciesMs }) =>
    Object.entries(latenciesMs).map(([name, values]) => [scenario, readable(name), ...latencyCells(values)]),
  );
  return ['', 'Latency, ms', ...alignColumns([['scenario', 'of', 'p50', 'p95', 'p99', 'max'], ...rows])];
}

const latencyCells = (values: Percentiles | null | undefined): string[] =>
  values === null || values === undefined
    ? ['-', '-', '-', '-']
    : [values.p50, values.p95, values.p99, values.max].map((value) => value.toFixed(1));

/** `acceptToReceiver` as words; routes and the like are readable as they are. */
const readable = (name: string): string =>
  /^[a-zA-Z]+$/.test(name) ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`) : name;

/** The scenarios that say the same share a line. */
function durabilityLines(scenarios: readonly ScenarioResult[]): string[] {
  const byLine = new Map<string, string[]>();
  for (const { scenario, durability } of scenarios) {
    const { tables, ...settings } = durability;
    const unlogged = tables.u === undefined ? 'none' : tables.u.join(', ');
    const told = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
    const line = `${told.join(', ')}; relpersistence p (permanent): ${tables.p?.length ?? 0} tables, u (unlogged): ${unlogged}`;
    byLine.set(line, [...(byLine.get(line) ?? []), scenario]);
  }
  return ['', 'Durability', ...[...byLine].map(([line, names]) => `${names.join(', ')}: ${line}`)];
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const percent = (share: number): string => `${(share * 100).toFixed(0)}%`;

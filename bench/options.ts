import { parseArgs } from 'node:util';
import { STATEMENTS_SETTING } from './statements.query.js';
import { isScenarioName, SCENARIO_NAMES, type ScenarioName } from './scenario-names.js';

export interface BenchOptions {
  scenarios: ScenarioName[];
  /** Undefined: as the scenario has it. */
  seconds: number | undefined;
  warmupSeconds: number;
  workers: number;
  apis: number;
  connections: number;
  outstanding: number;
  tenants: number | undefined;
  ratePerSecond: number;
  backlog: number;
  aged: number;
  settleSeconds: number;
  redis: boolean;
  cpuProfileFolder: string | undefined;
  /** Have PostgreSQL count what each statement costs. */
  statements: boolean;
  /** Over the settings that ship. */
  env: Record<string, string>;
  postgresSettings: Record<string, string>;
  workplaceParent: string | undefined;
  /** The JSON goes to standard output, and everything else to standard error. */
  json: boolean;
  help: boolean;
}

export const HELP = `npm run bench -- [options]

  --scenario a,b       which scenarios, in this order (default: all)
                       ${SCENARIO_NAMES.slice(0, 6).join(', ')},
                       ${SCENARIO_NAMES.slice(6).join(', ')}
  --seconds n          how long load is applied (default: 10, steady and slow 30)
  --warmup n           seconds of load before the measured ones (default: 10)
  --workers n          worker processes (default: 1)
  --apis n             API processes (default: 1)
  --connections n      connections of the generator (default: 192)
  --outstanding n      deliveries under way before the generator pauses, but for ingest and at a fixed rate (default: 1000)
  --tenants n          tenants of the load (default: as the scenario has it)
  --rate n             events a second of steady and slow (default: 1000)
  --backlog n          pending deliveries of backlog (default: 1000000)
  --aged n             deliveries that aged begins with (default: 5000000)
  --settle-seconds n   how long to wait, after the load, for a delivery that does not come (default: 60)
  --no-redis           everything on PostgreSQL
  --cpu-prof folder    Node's CPU profiles of API and workers, to open in Chrome's DevTools; costs a few percent
  --statements         what each SQL statement costs PostgreSQL (pg_stat_statements); costs a little itself
  --env NAME=value     a setting of API and workers, to try it out; repeatable
  --pg name=value      a setting of PostgreSQL, to try it out; repeatable
  --dir folder         where the data is put while it runs (default: the system's temporary folder)
  --json               the results as JSON on standard output
  --help`;

/** A mistake on the command line; `message` is meant to be printed as it is. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function readOptions(args: readonly string[]): BenchOptions {
  const values = parse(args);
  const asked =
    values.scenario === undefined ? [...SCENARIO_NAMES] : values.scenario.split(',').map((name) => name.trim());
  return {
    scenarios: asked.map(readScenario),
    seconds: values.seconds === undefined ? undefined : readNumber('seconds', values.seconds, 0.1),
    warmupSeconds: readNumber('warmup', values.warmup ?? '10', 0),
    workers: readWhole('workers', values.workers ?? '1'),
    apis: readWhole('apis', values.apis ?? '1'),
    connections: readWhole('connections', values.connections ?? '192'),
    outstanding: readWhole('outstanding', values.outstanding ?? '1000'),
    tenants: values.tenants === undefined ? undefined : readWhole('tenants', values.tenants),
    ratePerSecond: readNumber('rate', values.rate ?? '1000', 1),
    backlog: readWhole('backlog', values.backlog ?? '1000000'),
    aged: readWhole('aged', values.aged ?? '5000000'),
    settleSeconds: readNumber('settle-seconds', values['settle-seconds'] ?? '60', 1),
    redis: values['no-redis'] !== true,
    cpuProfileFolder: values['cpu-prof'],
    statements: values.statements === true,
    env: readAssignments('env', values.env ?? []),
    postgresSettings: {
      ...(values.statements === true ? STATEMENTS_SETTING : {}),
      ...readAssignments('pg', values.pg ?? []),
    },
    workplaceParent: values.dir,
    json: values.json === true,
    help: values.help === true,
  };
}

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
const LIST = { type: 'string', multiple: true } as const;

function parse(args: readonly string[]): ReturnType<typeof parseStrictly> {
  try {
    return parseStrictly(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parseStrictly(args: readonly string[]) {
  const numbers = {
    seconds: TEXT,
    warmup: TEXT,
    workers: TEXT,
    apis: TEXT,
    connections: TEXT,
    outstanding: TEXT,
    tenants: TEXT,
    rate: TEXT,
    backlog: TEXT,
    aged: TEXT,
    'settle-seconds': TEXT,
  };
  const others = {
    scenario: TEXT,
    'cpu-prof': TEXT,
    dir: TEXT,
    env: LIST,
    pg: LIST,
    statements: FLAG,
    json: FLAG,
    help: FLAG,
  };
  return parseArgs({ args: [...args], options: { ...numbers, ...others, 'no-redis': FLAG } }).values;
}

function readScenario(name: string): ScenarioName {
  if (isScenarioName(name)) return name;
  throw new UsageError(`There is no scenario "${name}". There are: ${SCENARIO_NAMES.join(', ')}`);
}

function readNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least) {
    throw new UsageError(`--${name} takes a number from ${least} on, not "${text}"`);
  }
  return value;
}

function readWhole(name: string, text: string): number {
  const value = readNumber(name, text, 1);
  if (!Number.isInteger(value)) throw new UsageError(`--${name} takes a whole number, not "${text}"`);
  return value;
}

function readAssignments(option: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1) throw new UsageError(`--${option} takes NAME=value, not "${text}"`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CONFIG_VARIABLES } from '../src/config/config.js';
import { VERSION } from '../src/common/version.js';
import { Cleanups } from './cleanups.js';
import { describeMachine } from './machine.js';
import { type BenchOptions, HELP, readOptions, UsageError } from './options.js';
import { POSTGRES_SETTINGS } from './postgres-settings.js';
import { OVERRIDES } from './posthaste.js';
import { Progress } from './progress.js';
import { findRedis, redisVersion } from './redis-server.js';
import { type BenchReport, headLines, problemLines, statementLines, summaryLine, tableLines } from './report.js';
import type { ScenarioResult } from './results.js';
import { runScenario } from './scenarios/definitions.js';
import { liesInMemory, makeWorkplace, removeFolder } from './workplace.js';

// `npm run bench`: see docs/benchmark.md.

/** npm passes on the Ctrl-C that the terminal has already sent here. */
const SAME_KEY_STROKE_MS = 1_000;
const RESULTS_FOLDER = 'bench-results';
/** `postgres-only` needs none, nor does `floor`. */
const WITHOUT_REDIS = new Set(['floor', 'postgres-only']);

let output: NodeJS.WriteStream = process.stdout;
const print = (line: string): void => void output.write(`${line}\n`);
let cleanups = new Cleanups();
let interruptedAt: number | undefined;

async function main(options: BenchOptions): Promise<boolean> {
  if (options.json) output = process.stderr;
  const redisBinary = options.redis ? findRedis(process.env) : undefined;
  if (options.redis && redisBinary === undefined && options.scenarios.some((name) => !WITHOUT_REDIS.has(name))) {
    throw new UsageError(
      'There is no redis-server on PATH. Install it (apt-get install redis-server), or use --no-redis.',
    );
  }
  const startedAt = new Date();
  const whole = new Cleanups();
  const workplace = await whole.add(makeWorkplace(options.workplaceParent), removeFolder);
  try {
    const report: BenchReport = {
      startedAt: startedAt.toISOString(),
      passed: true,
      machine: describeMachine(),
      versions: { posthaste: VERSION, redis: redisBinary === undefined ? null : redisVersion(redisBinary) },
      overrides: { ...OVERRIDES, ...options.env },
      postgresSettings: { ...POSTGRES_SETTINGS, ...options.postgresSettings },
      dataInMemory: await liesInMemory(workplace),
      options,
      scenarios: [],
    };
    for (const line of headLines(report)) print(line);
    if (options.cpuProfileFolder !== undefined) await mkdir(options.cpuProfileFolder, { recursive: true });
    await runScenarios(report, workplace, redisBinary);
    report.passed = report.scenarios.every(({ passed }) => passed);
    for (const line of tableLines(report.scenarios)) print(line);
    print('');
    print(`Results: ${await writeReport(report, startedAt)}`);
    if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    return report.passed;
  } finally {
    await whole.run();
  }
}

async function runScenarios(report: BenchReport, workplace: string, redisBinary: string | undefined): Promise<void> {
  const { options } = report;
  const progress = new Progress(output);
  const settings = new Set(CONFIG_VARIABLES);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.has(name)));
  for (const name of options.scenarios) {
    if (interruptedAt !== undefined) throw new Error('Stopped.');
    cleanups = new Cleanups();
    try {
      const result = await runScenario(name, { options, cleanups, workplace, redisBinary, progress, env });
      const floor = report.scenarios.find(({ scenario }) => scenario === 'floor');
      if (floor !== undefined && result !== floor) result.ofFloor = shareOf(result, floor);
      report.scenarios.push(result);
      progress.clear();
      print(summaryLine(result));
      for (const line of [...problemLines(result), ...statementLines(result)]) print(line);
    } finally {
      progress.clear();
      await cleanups.run();
    }
  }
}

const shareOf = (result: ScenarioResult, floor: ScenarioResult): number =>
  Math.round((result[result.headline] / floor.eventsPerSecond) * 1_000) / 1_000;

async function writeReport(report: BenchReport, startedAt: Date): Promise<string> {
  const folder = resolve(RESULTS_FOLDER);
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${startedAt.toISOString().replaceAll(':', '-')}.json`);
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const now = performance.now();
    if (interruptedAt !== undefined && now - interruptedAt > SAME_KEY_STROKE_MS) process.exit(130);
    if (interruptedAt !== undefined) return;
    interruptedAt = now;
    print('\nStopping …');
    // What the scenario waits for ends with what is stopped here, and so does the scenario.
    void cleanups.run();
  });
}

let exitCode = 0;
try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) print(HELP);
  else exitCode = (await main(options)) ? 0 : 1;
} catch (error) {
  exitCode = interruptedAt === undefined ? 1 : 130;
  if (error instanceof UsageError) process.stderr.write(`${error.message}\n`);
  else if (interruptedAt === undefined) console.error(error);
}
process.exit(exitCode);

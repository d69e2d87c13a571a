import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchReport } from '../../bench/report.js';
import { redisBinary } from '../support/redis-server.js';
import { type NodeProcess, startNode, stopAllProcesses, waitFor } from '../support/processes.js';
import { makeTempFolder } from '../support/temp-folder.js';

const BENCH = join(import.meta.dirname, '../../dist/bench/bench.js');
const SHORT = ['--seconds', '2', '--warmup', '0', '--connections', '16'];
const onRedis = redisBinary() === undefined ? ['--no-redis'] : [];

describe('npm run bench', () => {
  /** Its temporary folder and its results lie in here. */
  let folder: string;

  const start = (...args: string[]): NodeProcess =>
    startNode(BENCH, {
      args,
      cwd: folder,
      // Settings of an installation of the user's own, which must not get in.
      env: { TMPDIR: folder, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', WORKER_CONCURRENCY: '1' },
    });
  const expectNothingLeft = async (): Promise<void> => {
    expect(readdirSync(folder).filter((name) => name !== 'bench-results')).toEqual([]);
    await waitFor(() => processesOf(folder).length === 0, { what: 'all its processes to be gone' });
  };

  beforeAll(() => {
    if (!existsSync(BENCH)) throw new Error('Not built: run npm run build first');
  });
  beforeEach(() => {
    folder = makeTempFolder();
  });
  afterEach(async () => {
    await stopAllProcesses();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(stopAllProcesses);

  it('prints the figures of a run, writes them to a file, and leaves nothing else behind', async () => {
    const bench = start('--scenario', 'floor,end-to-end', ...SHORT, ...onRedis);
    const exit = await bench.exited;
    const text = bench.logs();
    if (exit.code !== 0) throw new Error(`It ended with ${exit.code}:\n${text}`);
    for (const title of [
      'Rates a second',
      'CPU microseconds an event',
      'Peak memory, MB',
      'Latency, ms',
      'Durability',
    ]) {
      expect(text).toContain(title);
    }
    expect(text).toContain('fsync on, synchronous_commit on, full_page_writes on');
    expect(text).toContain('u (unlogged): token_buckets');
    expect(text).not.toContain('\x1b[');

    const file = /^Results: (.+\.json)$/m.exec(text)?.[1] ?? '';
    const report = JSON.parse(readFileSync(file, 'utf8')) as BenchReport;
    expect(report).toMatchObject({ passed: true, scenarios: [{ scenario: 'floor' }, { scenario: 'end-to-end' }] });
    for (const result of report.scenarios) {
      expect(result).toMatchObject({ problems: [], pendingAtEnd: 0, reconciliation: { lost: 0, duplicates: 0 } });
      expect(result.reconciliation.delivered).toBe(result.deliveries);
      expect(result.events).toBeGreaterThan(0);
      // The seconds are rounded to a hundredth.
      expect((result.eventsPerSecond * result.totalSeconds) / result.events).toBeCloseTo(1, 1);
      for (const part of ['api', 'postgres', 'generator', 'receiver'] as const) {
        expect(result.cpuMicrosPerEvent[part]).toBeGreaterThan(0);
        expect(result.peakMegabytes[part]).toBeGreaterThan(10);
      }
      expect(result.mainThreads.postgres).toBeNull();
      const { running = Number.NaN, waiting = Number.NaN } = result.mainThreads.api ?? {};
      expect(running).toBeGreaterThan(0);
      expect(waiting).toBeGreaterThanOrEqual(0);
      // Rounded, each.
      expect(running + waiting).toBeLessThan(1.02);
      const { accept, requestToReceiver } = result.latenciesMs;
      for (const latency of [accept, requestToReceiver]) {
        expect(latency?.count).toBe(result.events);
        expect(latency?.p50).toBeGreaterThan(0);
        expect(latency?.p99).toBeGreaterThanOrEqual(latency?.p50 ?? Number.NaN);
      }
    }
    const [floor, endToEnd] = report.scenarios;
    expect(endToEnd?.cpuMicrosPerEvent.worker).toBeGreaterThan(0);
    expect(endToEnd?.ofFloor).toBeCloseTo((endToEnd?.eventsPerSecond ?? 0) / (floor?.eventsPerSecond ?? 0), 2);
    await expectNothingLeft();
  });

  it('fails when something that was accepted does not arrive', async () => {
    const bench = start('--scenario', 'end-to-end', ...SHORT, '--settle-seconds', '1', ...onRedis);
    const worker = (): number | undefined =>
      processesOf(folder).find((pid) => commandOf(pid).includes('dist/src/worker.js'));
    await waitFor(() => bench.logs().includes(': load '), { what: 'the load' });
    process.kill(worker() ?? Number.NaN, 'SIGKILL');
    expect(await bench.exited).toEqual({ code: 1, signal: null });
    expect(bench.logs()).toMatch(/FAILED end-to-end: Reconciliation failed: [1-9]\d* lost, /);
    expect(bench.logs()).toMatch(/FAILED end-to-end: [1-9]\d* deliveries were left pending/);
    const [file = ''] = readdirSync(join(folder, 'bench-results'));
    expect(JSON.parse(readFileSync(join(folder, 'bench-results', file), 'utf8'))).toMatchObject({ passed: false });
    await expectNothingLeft();
  });

  it.each([
    ['while it starts', ': starting'],
    ['under load', ': load '],
  ])('stops everything at Ctrl-C %s', async (_when, line) => {
    const bench = start('--scenario', 'end-to-end', ...SHORT, '--seconds', '60', ...onRedis);
    await waitFor(() => bench.logs().includes(line), { what: line });
    expect(await bench.stop('SIGINT')).toEqual({ code: 130, signal: null });
    await expectNothingLeft();
  });

  it('says in one line what it does not understand', async () => {
    const bench = start('--scenario', 'everything');
    expect(await bench.exited).toEqual({ code: 1, signal: null });
    await waitFor(() => bench.logs() !== '', { what: 'its line' });
    expect(bench.logs()).toMatch(/^There is no scenario "everything"\. .+\n$/);
  });
});

/** Linux only: processes that were started with this folder in their environment or command (proc(5)). */
function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => readProc(pid, 'environ').includes(folder) || commandOf(pid).includes(folder));
}

const commandOf = (pid: number): string => readProc(pid, 'cmdline');

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

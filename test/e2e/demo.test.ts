import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type NodeProcess, startNode, stopAllProcesses, waitFor } from '../support/processes.js';
import { makeTempFolder } from '../support/temp-folder.js';

const DEMO = join(import.meta.dirname, '../../dist/demo/demo.js');

describe('npm run demo', () => {
  /** The demo's temporary folder lies in here, and nothing else does. */
  let folder: string;

  const start = (env: NodeJS.ProcessEnv = {}): NodeProcess => startNode(DEMO, { env: { TMPDIR: folder, ...env } });
  const expectNothingLeft = async (): Promise<void> => {
    expect(readdirSync(folder)).toEqual([]);
    await waitFor(() => processesOf(folder).length === 0, { what: 'all its processes to be gone' });
  };

  beforeAll(() => {
    if (!existsSync(DEMO)) throw new Error('Not built: run npm run build first');
  });
  beforeEach(() => {
    folder = makeTempFolder();
  });
  afterEach(async () => {
    await stopAllProcesses();
    rmSync(folder, { recursive: true, force: true });
  });

  it('tells the story of three events whatever the user has set, and leaves nothing behind', async () => {
    // Settings of an installation of the user's own, which the demo must not use.
    const demo = start({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', RETENTION_DAYS: 'x', PORT: '1' });
    const exit = await demo.exited;
    const text = demo.logs();
    if (exit.code !== 0) throw new Error(`It ended with ${exit.code}:\n${text}`);
    expect(text).not.toContain('\x1b[');

    const attemptsOf = (event: string, path: string): string[] =>
      (text.match(new RegExp(`^.*${event} +${path} +attempt .*$`, 'gm')) ?? []).map((line) => line.trim());
    const retried = /attempt [12] +500 +\d+ ms +signature ✓ +next attempt in [12]\.\d s$/;
    const flaky = attemptsOf('order.created', '/flaky');
    expect(flaky).toHaveLength(3);
    expect(flaky.slice(0, 2)).toEqual([expect.stringMatching(retried), expect.stringMatching(retried)]);
    expect(flaky[2]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} .*attempt 3 +200 +\d+ ms +signature ✓ +delivered$/);
    expect(attemptsOf('order.shipped', '/flaky')).toHaveLength(3);

    const failing = attemptsOf('order.created', '/fail');
    expect(failing).toHaveLength(4);
    expect(failing[3]).toMatch(/attempt 4 +500 +\d+ ms +signature ✓ +no attempts left: dead letter$/);
    expect(attemptsOf('invoice.paid', '/slow')).toEqual([
      expect.stringMatching(/ 200 +2\d{3} ms +signature ✓ +delivered$/),
    ]);
    expect(text).not.toContain('✗');

    expect(text).toContain('order.created to /fail: attempts_exhausted after 4 attempts, the last answered 500');
    expect(text).toMatch(/^ {2}order\.created +\/fail +dead_letter +4 of 4 +500$/m);
    expect(text).toMatch(/^ {2}invoice\.paid +\/slow +succeeded +1 of 4 +200$/m);
    expect(text).toContain('6 of 7 deliveries succeeded, 1 became a dead letter.');
    expect(text).toContain('npm start');
    expect(text).toContain('/docs');
    await expectNothingLeft();
  });

  it.each([
    ['while it starts', 'Starting PostgreSQL'],
    ['in the middle of its story', 'next attempt in'],
  ])('stops everything at Ctrl-C %s', async (_when, line) => {
    const demo = start();
    const ended = demo.exited.then(() => true);
    await Promise.race([ended, waitFor(() => demo.logs().includes(line), { what: line })]);
    expect(demo.logs()).toContain(line);
    expect(processesOf(folder)).not.toEqual([]);
    expect(await demo.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(demo.logs()).not.toContain('failed');
    await expectNothingLeft();
  });

  it('says in one line why it can not run', async () => {
    const missing = join(folder, 'no-such-folder');
    const demo = start({ TMPDIR: missing });
    expect(await demo.exited).toEqual({ code: 1, signal: null });
    await waitFor(() => demo.logs().includes('failed'), { what: 'its line' });
    expect(demo.logs().trim().split('\n').slice(1)).toEqual([
      expect.stringMatching(/^The demo failed: ENOENT.*no-such-folder/),
    ]);
  });
});

/** Linux only: processes that were started with this folder in their environment or command (proc(5)). */
function processesOf(folder: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return ['environ', 'cmdline'].some((file) => readFileSync(`/proc/${name}/${file}`, 'utf8').includes(folder));
    } catch {
      return false;
    }
  });
}

afterAll(stopAllProcesses);

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { assertPortIsFree } from '../../src/embedded/port-check.js';
import { processCommand, processIsAlive, signalProcess } from '../../src/embedded/process-state.js';
import { freePort, type NodeProcess, startNode, stopAllProcesses, waitFor } from '../support/processes.js';
import { makeTempFolder } from '../support/temp-folder.js';

const LAUNCHER = join(import.meta.dirname, '../../dist/src/launcher.js');

/** Settings that the tests' own environment must not bring in. */
const UNSET: NodeJS.ProcessEnv = Object.fromEntries(
  ['DATABASE_URL', 'REDIS_URL', 'ADMIN_API_KEY', 'ENCRYPTION_KEY', 'ALLOWED_PRIVATE_CIDRS', 'LOG_LEVEL', 'HOST'].map(
    (name) => [name, undefined],
  ),
);

describe('npm start', () => {
  let dataDir: string;
  let port: number;
  let workerPort: number;

  const launch = (env: NodeJS.ProcessEnv = {}): NodeProcess =>
    startNode(LAUNCHER, {
      env: { ...UNSET, DATA_DIR: dataDir, PORT: String(port), WORKER_PORT: String(workerPort), ...env },
    });
  const launchAndWait = async (env: NodeJS.ProcessEnv = {}): Promise<NodeProcess> => {
    const launcher = launch(env);
    const ended = launcher.exited.then(() => true);
    const isUp = (): boolean => launcher.logs().includes('Ctrl-C stops everything');
    await Promise.race([ended, waitFor(isUp, { what: 'the banner' })]);
    if (!isUp()) throw new Error(`The launcher ended:\n${launcher.logs()}`);
    return launcher;
  };
  const operatorKey = (launcher: NodeProcess): string => /Operator key\s+(\S+)/.exec(launcher.logs())?.[1] ?? '';
  const url = (path: string): string => `http://127.0.0.1:${port}${path}`;
  const tenantNames = async (key: string): Promise<string[]> => {
    const response = await fetch(url('/api/v1/tenants'), { headers: { 'X-API-Key': key } });
    return ((await response.json()) as { data: { name: string }[] }).data.map(({ name }) => name);
  };
  const isReady = (ofPort: number): Promise<boolean> =>
    fetch(`http://127.0.0.1:${ofPort}/health/ready`).then(
      ({ status }) => status === 200,
      () => false,
    );
  const pidFile = (): string => join(dataDir, 'postgres', 'postmaster.pid');
  const postgresPid = (): number => Number(readFileSync(pidFile(), 'utf8').split('\n')[0]);
  const assertPortsAreFree = async (patienceMs = 0): Promise<void> => {
    await assertPortIsFree('PORT', '127.0.0.1', port, patienceMs);
    await assertPortIsFree('WORKER_PORT', '127.0.0.1', workerPort, patienceMs);
  };

  beforeAll(() => {
    if (!existsSync(LAUNCHER)) throw new Error('Not built: run npm run build first');
  });
  beforeEach(async () => {
    dataDir = join(makeTempFolder(), 'data');
    port = await freePort();
    workerPort = await freePort();
  });
  afterEach(async () => {
    await stopAllProcesses();
    rmSync(join(dataDir, '..'), { recursive: true, force: true });
  });

  it('needs no settings, prints what to do next, keeps key and data, and stops everything in order', async () => {
    const first = await launchAndWait();
    const banner = first.logs();
    expect(banner).toContain(url('/api/v1'));
    expect(banner).toContain(url('/docs'));
    expect(banner).toMatch(/started in \d+\.\d s/);
    expect(banner).toContain('127.0.0.0/8,::1/128');
    const key = operatorKey(first);
    expect(key).toMatch(/^pha_[0-9A-Za-z]{43}$/);
    expect(await isReady(port)).toBe(true);
    expect(await isReady(workerPort)).toBe(true);

    // The printed request as it stands, by a shell.
    const curl = /^ {2}(curl .*)$/m.exec(banner)?.[1] ?? '';
    const tenant = JSON.parse(execFileSync('sh', ['-c', curl], { encoding: 'utf8' })) as {
      name: string;
      api_key: string;
    };
    expect(tenant).toMatchObject({ name: 'Acme', api_key: expect.stringMatching(/^ph_/) as string });

    const server = postgresPid();
    expect(await first.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(first.logs().match(/^Stopping .*$/gm)).toEqual([
      'Stopping the API …',
      'Stopping the worker …',
      'Stopping PostgreSQL …',
    ]);
    await assertPortsAreFree();
    expect(processIsAlive(server)).toBe(false);
    expect(existsSync(join(dataDir, 'launcher.lock'))).toBe(false);

    const second = await launchAndWait();
    expect(operatorKey(second)).toBe(key);
    expect(await tenantNames(key)).toEqual(['Acme']);
    expect(await second.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('leaves nothing running when it is killed, and starts again at once', async () => {
    const killed = await launchAndWait();
    const key = operatorKey(killed);
    const server = postgresPid();
    await killed.kill();

    const next = await launchAndWait();
    expect(operatorKey(next)).toBe(key);
    // Adopted, or gone: never a second server beside the first.
    expect(postgresPid() === server || !processIsAlive(server)).toBe(true);
    await next.kill();
    await assertPortsAreFree(40_000);
    await waitFor(() => !existsSync(pidFile()), { what: 'PostgreSQL to stop by itself' });
  });

  it('starts the API and PostgreSQL again when one of them is killed', async () => {
    const launcher = await launchAndWait();
    const api = childrenOf(launcher.pid).find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/main.js'),
    );
    if (api === undefined) throw new Error('no API process');
    signalProcess(api, 'SIGKILL');
    await waitFor(() => launcher.logs().includes('The API ended unexpectedly (signal SIGKILL); starting it again'), {
      what: 'the line',
    });
    await waitFor(() => isReady(port), { what: 'the API' });

    const server = postgresPid();
    expect(processCommand(server)).toBe('postgres');
    signalProcess(server, 'SIGKILL');
    await waitFor(() => launcher.logs().includes('PostgreSQL ended unexpectedly; starting it again'), {
      what: 'the line',
    });
    // Its file is that of the dead one, then none, then that of the next.
    await waitFor(() => existsSync(pidFile()) && !readFileSync(pidFile(), 'utf8').startsWith(`${server}\n`), {
      what: 'the next PostgreSQL',
    });
    await waitFor(async () => (await isReady(port)) && (await isReady(workerPort)), { what: 'everything to be ready' });
    expect(await launcher.stop()).toEqual({ code: 0, signal: null });
  });

  it('lets one launcher at a time use a data folder', async () => {
    const first = await launchAndWait();
    const second = launch({ PORT: String(await freePort()), WORKER_PORT: String(await freePort()) });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    await waitFor(() => second.logs() !== '', { what: 'its line' });
    expect(second.logs()).toBe(
      `Posthaste already runs on the data folder ${dataDir} (pid ${first.pid}). Stop it, or set DATA_DIR.\n`,
    );
    expect(await isReady(port)).toBe(true);
    await first.stop();
  });

  it.each(['PORT', 'WORKER_PORT'])('says in one line that %s is taken, and starts nothing', async (setting) => {
    const listener = createServer();
    const taken = setting === 'PORT' ? port : workerPort;
    await new Promise<void>((resolve) => listener.listen(taken, '127.0.0.1', resolve));
    try {
      const launcher = launch();
      expect(await launcher.exited).toEqual({ code: 1, signal: null });
      await waitFor(() => launcher.logs() !== '', { what: 'its line' });
      expect(launcher.logs()).toBe(`Port ${taken} on 127.0.0.1 is taken. Stop what uses it or set ${setting}.\n`);
      expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
    } finally {
      await new Promise((resolve) => listener.close(resolve));
    }
  });

  it.each([
    [
      'nothing listens there',
      (free: number) => `postgres://me:hunter2@127.0.0.1:${free}/hooks`,
      /^No connection to PostgreSQL at 127\.0\.0\.1:\d+\/hooks \(DATABASE_URL\): .*ECONNREFUSED.*\n$/,
    ],
    [
      'it is no URL of PostgreSQL',
      () => 'mysql://me:hunter2@127.0.0.1/hooks',
      /^DATABASE_URL is not of the form postgres:.*\n$/,
    ],
  ])('says in one line what is wrong with DATABASE_URL when %s', async (_name, makeUrl, line) => {
    const launcher = launch({ DATABASE_URL: makeUrl(await freePort()) });
    expect(await launcher.exited).toEqual({ code: 1, signal: null });
    await waitFor(() => launcher.logs() !== '', { what: 'its line' });
    expect(launcher.logs()).toMatch(line);
    expect(launcher.logs()).not.toContain('hunter2');
  });

  it('names a bad setting, stops what it had started and fails', async () => {
    const launcher = launch({ RETENTION_DAYS: 'a month' });
    expect(await launcher.exited).toEqual({ code: 1, signal: null });
    await waitFor(() => launcher.logs().includes('Stopping PostgreSQL'), { what: 'its lines' });
    expect(launcher.logs()).toContain('RETENTION_DAYS');
    expect(existsSync(pidFile())).toBe(false);
    await assertPortsAreFree();
  });
});

/** Linux only: /proc/<pid>/task/<pid>/children (proc(5)). */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

afterAll(stopAllProcesses);

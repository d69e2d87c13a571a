import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { locateCluster } from '../../src/embedded/cluster-location.js';
import { EmbeddedPostgres, type EmbeddedPostgresOptions } from '../../src/embedded/embedded-postgres.js';
import { findNativeDir, preparePostgresBinaries } from '../../src/embedded/postgres-binaries.js';
import { withClient } from '../../src/embedded/postmaster.js';
import { processIsAlive, signalProcess, waitForExit } from '../../src/embedded/process-state.js';
import { findServerUser, runsAsRoot } from '../../src/embedded/server-user.js';
import { makeTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/processes.js';

const asRoot = runsAsRoot() ? it : it.skip;

describe('the embedded PostgreSQL', () => {
  let folder: string;
  let lines: string[];
  const servers: EmbeddedPostgres[] = [];

  const serverOn = (options: Partial<EmbeddedPostgresOptions> = {}): EmbeddedPostgres => {
    const server = new EmbeddedPostgres({
      dataDir: join(folder, 'postgres'),
      log: (line) => lines.push(line),
      ...options,
    });
    servers.push(server);
    return server;
  };
  const remember = (url: string, note: string): Promise<unknown> =>
    withClient(url, async (client) => {
      await client.query('CREATE TABLE IF NOT EXISTS notes (note text)');
      await client.query('INSERT INTO notes VALUES ($1)', [note]);
    });
  const recall = (url: string): Promise<string[]> =>
    withClient(url, async (client) =>
      (await client.query<{ note: string }>('SELECT note FROM notes')).rows.map(({ note }) => note),
    );
  const pidOf = (server: EmbeddedPostgres): number => {
    if (server.pid === undefined) throw new Error('not running');
    return server.pid;
  };

  beforeEach(() => {
    folder = makeTempFolder();
    lines = [];
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes a cluster at the first start and finds its data at the second', async () => {
    const first = serverOn();
    const { url } = await first.start();
    await remember(url, 'kept');
    const pid = pidOf(first);
    await first.stop();
    expect(processIsAlive(pid)).toBe(false);
    expect(existsSync(join(folder, 'postgres', 'postmaster.pid'))).toBe(false);

    expect(await recall((await serverOn().start()).url)).toEqual(['kept']);
  });

  it('runs durable, on loopback alone, in UTF-8 and UTC', async () => {
    const { url } = await serverOn().start();
    const settings = await withClient(url, async (client) => {
      const answer = await client.query<{ name: string; setting: string }>(
        `SELECT name, setting FROM pg_settings WHERE name = ANY($1) ORDER BY name`,
        [
          [
            'fsync',
            'full_page_writes',
            'synchronous_commit',
            'listen_addresses',
            'unix_socket_directories',
            'server_encoding',
            'TimeZone',
          ],
        ],
      );
      return Object.fromEntries(answer.rows.map(({ name, setting }) => [name, setting]));
    });
    expect(settings).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      server_encoding: 'UTF8',
      TimeZone: 'UTC',
    });
  });

  it('lets nobody in without the generated password, which only its own user can read', async () => {
    const server = serverOn();
    const { url } = await server.start();
    const wrong = new URL(url);
    wrong.password = 'posthaste';
    await expect(withClient(wrong.href, (client) => client.query('SELECT 1'))).rejects.toMatchObject({ code: '28P01' });

    expect(statSync(server.clusterDir).mode & 0o777).toBe(0o700);
    const holding = readdirSync(server.clusterDir).filter((name) => {
      const file = join(server.clusterDir, name);
      return statSync(file).isFile() && readFileSync(file, 'utf8').includes(new URL(url).password);
    });
    expect(holding).toEqual(['posthaste-password']);
    expect(statSync(join(server.clusterDir, 'posthaste-password')).mode & 0o777).toBe(0o600);
  });

  it('tells when the server is killed, and recovers what was committed on the same port', async () => {
    let told = 0;
    const server = serverOn({ onUnexpectedExit: () => (told += 1) });
    const { url, port } = await server.start();
    await remember(url, 'committed');
    signalProcess(pidOf(server), 'SIGKILL');
    await waitFor(() => told === 1, { what: 'the notice' });

    expect((await server.start()).port).toBe(port);
    expect(await recall(url)).toEqual(['committed']);
    expect(told).toBe(1);
  });

  it('starts after everything was killed at once', async () => {
    const killed = serverOn();
    await remember((await killed.start()).url, 'committed');
    signalProcess(pidOf(killed), 'SIGKILL');
    expect(existsSync(join(folder, 'postgres', 'postmaster.pid'))).toBe(true);

    // At once: the killed server's backends may still be there.
    expect(await recall((await serverOn().start()).url)).toEqual(['committed']);
  });

  it('adopts a server that was left running, and stops it', async () => {
    const left = serverOn();
    const { port, url } = await left.start();
    await remember(url, 'of the first');

    const adopter = serverOn();
    const adopted = await adopter.start();
    expect(adopted.port).toBe(port);
    expect(adopter.pid).toBe(left.pid);
    expect(lines).toEqual([expect.stringContaining('left running')]);
    expect(await recall(adopted.url)).toEqual(['of the first']);

    const pid = pidOf(adopter);
    await adopter.stop();
    expect(processIsAlive(pid)).toBe(false);
  });

  it('tells when a server that it adopted ends', async () => {
    const left = serverOn();
    await left.start();
    let told = 0;
    const adopter = serverOn({ onUnexpectedExit: () => (told += 1) });
    await adopter.start();
    signalProcess(pidOf(adopter), 'SIGKILL');
    await waitFor(() => told === 1, { what: 'the notice' });
  });

  it('starts when the pid of a killed server belongs to another program by now', async () => {
    const killed = serverOn();
    await killed.start();
    signalProcess(pidOf(killed), 'SIGKILL');
    await waitForExit(pidOf(killed), 5_000).catch(() => undefined);
    // The server's own user has it: of any other user's process PostgreSQL knows that it is no server of its own.
    const other = spawn('sleep', ['120'], { ...findServerUser(undefined), cwd: '/', stdio: 'ignore' });
    try {
      const lockFile = join(folder, 'postgres', 'postmaster.pid');
      const [, ...rest] = readFileSync(lockFile, 'utf8').split('\n');
      writeFileSync(lockFile, [String(other.pid), ...rest].join('\n'));
      await expect(serverOn().start()).resolves.toMatchObject({ port: expect.any(Number) as number });
      expect(other.exitCode).toBeNull();
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('starts over when an earlier initdb was killed half-way', async () => {
    mkdirSync(join(folder, 'postgres.init', 'data', 'base'), { recursive: true });
    writeFileSync(join(folder, 'postgres.init', 'data', 'PG_VERSION'), '18\n');
    await serverOn().start();
    expect(readdirSync(folder).sort()).toEqual(['postgres', 'postgres.log']);
  });

  it('refuses a data folder that it did not make', async () => {
    mkdirSync(join(folder, 'postgres'));
    await expect(serverOn().start()).rejects.toThrow(/not a data folder of Posthaste/);
  });

  it("shows the server's own words when it can't start", async () => {
    await expect(serverOn({ settings: { shared_buffers: 'plenty' } }).start()).rejects.toThrow(
      /does not start[^]*invalid value for parameter "shared_buffers": "plenty"/,
    );
  });

  describe('with binaries as npm ci --ignore-scripts leaves them', () => {
    let nativeDir: string;
    beforeEach(() => {
      const packageDir = join(folder, 'package');
      nativeDir = join(packageDir, 'native');
      cpSync(findNativeDir(), nativeDir, { recursive: true, filter: (source) => !lstatSync(source).isSymbolicLink() });
      writeFileSync(join(packageDir, 'package.json'), '{"version":"18.0.0-test"}');
    });
    const links = (dir: string): string[] =>
      readdirSync(join(dir, 'lib')).filter((name) => lstatSync(join(dir, 'lib', name)).isSymbolicLink());

    it('makes the missing library links and starts', async () => {
      expect(links(nativeDir)).toEqual([]);
      await serverOn({ nativeDir }).start();
      expect(links(nativeDir).length).toBeGreaterThan(5);
    });

    it('works from a copy where they can neither be completed nor reached', async () => {
      const copyRoot = join(folder, 'copies');
      const user = findServerUser(undefined);
      // Root may write anywhere, but its server's user can't pass; anybody else can't write.
      if (user === undefined) chmodSync(join(nativeDir, 'lib'), 0o555);
      else chmodSync(join(folder, 'package'), 0o700);

      const prepare = (): Promise<{ postgres: string }> =>
        preparePostgresBinaries({ nativeDir, user, copyRoot, log: (line) => lines.push(line) });
      const [binaries, beside] = await Promise.all([prepare(), prepare()]).finally(() =>
        chmodSync(join(nativeDir, 'lib'), 0o755),
      );
      expect(binaries.postgres).toBe(join(copyRoot, 'postgres-18.0.0-test', 'native', 'bin', 'postgres'));
      expect(beside).toEqual(binaries);
      expect(links(join(copyRoot, 'postgres-18.0.0-test', 'native')).length).toBeGreaterThan(5);
      expect(readdirSync(copyRoot)).toEqual(['postgres-18.0.0-test']);

      const version = spawn(binaries.postgres, ['--version'], { ...user, cwd: '/', stdio: 'ignore' });
      expect(await new Promise((resolve) => version.once('exit', resolve))).toBe(0);
    });
  });

  describe("as root, asked for a folder that its server's user can't reach", () => {
    asRoot('keeps the data in a reachable place, the same at each start, and says so', async () => {
      chmodSync(folder, 0o700);
      const reachable = makeTempFolder();
      try {
        const dataDir = join(folder, 'data', 'postgres');
        const location = await locateCluster(dataDir, (line) => lines.push(line), reachable);
        expect(location.clusterDir.startsWith(`${reachable}/`)).toBe(true);
        expect(lines).toEqual([expect.stringContaining(location.clusterDir)]);

        // Data is there now: it stays the place even if the folder asked for can be reached one day.
        mkdirSync(location.clusterDir, { recursive: true });
        chmodSync(folder, 0o711);
        expect((await locateCluster(dataDir, () => undefined, reachable)).clusterDir).toBe(location.clusterDir);
      } finally {
        rmSync(reachable, { recursive: true, force: true });
      }
    });

    asRoot('refuses to start beside data that lies there already', async () => {
      mkdirSync(join(folder, 'data', 'postgres'), { recursive: true });
      chmodSync(folder, 0o700);
      await expect(locateCluster(join(folder, 'data', 'postgres'), () => undefined, folder)).rejects.toThrow(
        /can't reach its data/,
      );
    });
  });
});

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { useInstallation } from '../support/installation.js';
import { assertBuilt, UNSET } from '../support/posthaste.js';
import { freePort, waitFor } from '../support/processes.js';
import { redisBinary, startRedis, type TestRedis } from '../support/redis-server.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const run = promisify(execFile);

interface Block {
  language: string;
  section: string;
  text: string;
  /** The comment before it, if it says that no test runs it. */
  reason: string | undefined;
}

/** Every block of shell commands of a page, in order. */
function shellBlocks(page: string): Block[] {
  return page
    .split(/^## /m)
    .flatMap((part) =>
      [...part.matchAll(/(?:<!-- not run: ([^>]+) -->\n\n)?^```(bash|sh|shell|console)\n(.*?)^```$/gms)].map(
        ([, reason, language = '', text = '']) => ({ language, section: part.split('\n', 1)[0] ?? '', text, reason }),
      ),
    );
}
const blocksOf = (section: string): string[] =>
  shellBlocks(read('README.md'))
    .filter((block) => block.section === section && block.language === 'bash')
    .map(({ text }) => text);

describe('commands in README and docs/deployment.md', () => {
  it.each([
    ['README.md', ['Walk-through', 'Calling the API', 'Running the roles apart']],
    // All that is bash there is run by deployment.test.ts.
    ['docs/deployment.md', ['Processes of your own', 'Backup and restore', 'Doctor']],
  ])('of %s are run by a test, or say why not', (page, sections) => {
    const blocks = shellBlocks(read(page));
    const isRun = ({ language, section }: Block): boolean => language === 'bash' && sections.includes(section);
    expect(blocks.filter((block) => isRun(block) === (block.reason !== undefined))).toEqual([]);
    expect(new Set(blocks.filter(isRun).map(({ section }) => section))).toEqual(new Set(sections));
    expect(blocks).toHaveLength([...read(page).matchAll(/^```(bash|sh|shell|console)$/gm)].length);
  });
});

describe("README's ways to call the API", () => {
  const installation = useInstallation({ backend: 'postgres', workers: 0 });

  it('give a token and a portal link that are good', async () => {
    const { posthaste } = installation;
    const acme = await posthaste.operator.createTenant();
    const { body: keys } = await acme.call<{ data: { id: string }[] }>('GET', '/api-keys');
    const [token, link] = await Promise.all(
      blocksOf('Calling the API').map(async (block) => {
        const { stdout } = await run('bash', ['-euc', block.replaceAll('http://127.0.0.1:3000', posthaste.url)], {
          env: { ...process.env, KEY_ID: keys.data[0]?.id, API_KEY: acme.key, TENANT_ID: acme.id },
        });
        return JSON.parse(stdout) as Record<string, string>;
      }),
    );
    const published = await fetch(`${posthaste.url}/api/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token?.access_token}`, 'content-type': 'application/json' },
      body: '{"event_type": "order.created", "payload": {}}',
    });
    expect(published.status).toBe(202);
    expect(new URL(link?.url ?? '').origin).toBe(new URL(posthaste.url).origin);
  });
});

(redisBinary() === undefined ? describe.skip : describe)("README's commands for roles of their own", () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let shell: ChildProcess | undefined;
  beforeAll(async () => {
    assertBuilt();
    [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
  });
  afterAll(async () => {
    if (shell?.pid !== undefined && shell.exitCode === null && shell.signalCode === null) {
      // Not 'exit': the shell is gone before the roles are, who hold its output open.
      const ended = once(shell, 'close');
      // The whole group: npm, its shells and the roles.
      process.kill(-shell.pid, 'SIGTERM');
      await ended;
    }
    await redis?.stop();
    await database?.drop();
  });

  it('start an API and two workers that are ready', async () => {
    const [setUp = '', workers = ''] = blocksOf('Running the roles apart');
    const ports = { api: await freePort(), first: await freePort(), second: await freePort() };
    const script = [setUp, workers]
      .join('\n')
      .replace('postgres://user:password@host:5432/database', database.url)
      .replace('redis://host:6379', redis.url)
      .replace('WORKER_PORT=3001', `WORKER_PORT=${ports.first}`)
      .replace('WORKER_PORT=3002', `WORKER_PORT=${ports.second}`)
      // Each is a terminal of its own.
      .replaceAll(/^(.*npm run start:.*)$/gm, '$1 &');
    expect(script.match(/ &$/gm)).toHaveLength(3);
    expect(script).toContain(redis.url);
    shell = spawn('bash', ['-euc', `${script}\nwait`], {
      cwd: ROOT,
      detached: true,
      env: { ...process.env, ...UNSET, PORT: String(ports.api), DATABASE_POOL_SIZE: '4' },
    });
    let output = '';
    for (const stream of [shell.stdout, shell.stderr]) stream?.on('data', (text: Buffer) => (output += String(text)));
    const isReady = (port: number): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitFor(async () => (await Promise.all(Object.values(ports).map(isReady))).every(Boolean), {
      what: 'all three to be ready',
      timeoutMs: 400_000,
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${output}`);
    });
    expect(output).toContain('The database is up to date.');
  }, 450_000);
});

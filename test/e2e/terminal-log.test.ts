import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { OperatorClient } from '../support/api-client.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { assertBuilt, roleScript, UNSET } from '../support/posthaste.js';
import { freePort, waitFor } from '../support/processes.js';

/** util-linux's, which runs a command on a terminal of its own. */
const hasTerminal = spawnSync('script', ['--version']).status === 0;

(hasTerminal ? describe : describe.skip)('the log on a terminal', () => {
  let database: TestDatabase;
  let terminal: ChildProcess | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  beforeAll(async () => {
    assertBuilt();
    database = await createTestDatabase();
  });
  afterAll(async () => {
    terminal?.kill('SIGTERM');
    await ended;
    await database?.drop();
  });

  it('is for people: a time, a level in words and what happened, on one line each', async () => {
    const port = await freePort();
    const adminKey = `pha_${randomBytes(24).toString('hex')}`;
    terminal = spawn(
      'script',
      ['--quiet', '--return', '--command', `exec node ${roleScript('main.js')}`, '/dev/null'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          ...UNSET,
          DATABASE_URL: database.url,
          DATABASE_POOL_SIZE: '4',
          ADMIN_API_KEY: adminKey,
          ENCRYPTION_KEY: randomBytes(32).toString('base64'),
          PORT: String(port),
        },
      },
    );
    ended = once(terminal, 'close');
    let output = '';
    for (const stream of [terminal.stdout, terminal.stderr])
      stream?.on('data', (text: Buffer) => (output += String(text)));
    const url = `http://127.0.0.1:${port}`;
    const isReady = (): Promise<boolean> =>
      fetch(`${url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitFor(isReady, { what: 'the API to be ready' }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${output}`);
    });
    const acme = await new OperatorClient(url, adminKey).createTenant();
    const { id } = await acme.publish();
    await waitFor(() => output.includes(id), { what: 'the line of the event' });
    const lines = stripVTControlCharacters(output)
      .split(/\r?\n/)
      .filter((line) => line !== '');
    const odd = lines.filter((line) => !/^\[\d\d:\d\d:\d\d\.\d{3}\] (INFO|WARN) \(\d+\): \S/.test(line));
    expect(odd).toEqual([]);
    expect(lines.find((line) => line.includes(id))).toMatch(/event accepted \{.*"event_type":"order\.created"/);
  });
});

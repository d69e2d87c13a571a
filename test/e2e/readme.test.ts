import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PROBLEMS } from '../../src/common/domain-error.js';
import { generateSecret } from '../../src/signing/webhook-secret.js';
import { freePort, type NodeProcess, startNode, stopAllProcesses, waitFor } from '../support/processes.js';
import { DELIVERED_BODY, signedHeaders } from '../support/signed-request.js';
import { makeTempFolder } from '../support/temp-folder.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const README = read('README.md');
const PAGES = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];

/** What a section of README says, up to the next heading of its level. */
function section(title: string): string {
  const found = README.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  if (found === undefined) throw new Error(`README has no section "${title}"`);
  return found;
}

const codeBlocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');

function onlyBlock(text: string, language: string, containing: string): string {
  const blocks = codeBlocks(text, language).filter((block) => block.includes(containing));
  expect(blocks).toHaveLength(1);
  return blocks[0] ?? '';
}

const run = promisify(execFile);

describe("README's walk-through, with npm start and npm run receiver", () => {
  /** Where the reader is: `.data/` and `node_modules/` are here. */
  let folder: string;
  let receiver: NodeProcess;
  let api: string;
  /** What each block printed, in order. */
  let printed: string[];

  beforeAll(async () => {
    for (const file of ['dist/src/launcher.js', 'dist/demo/receiver.js']) {
      if (!existsSync(join(ROOT, file))) throw new Error('Not built: run npm run build first');
    }
    folder = makeTempFolder();
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const [port, workerPort, receiverPort] = [await freePort(), await freePort(), await freePort()];
    api = `127.0.0.1:${port}`;
    const unset = ['DATABASE_URL', 'REDIS_URL', 'ADMIN_API_KEY', 'ENCRYPTION_KEY', 'ALLOWED_PRIVATE_CIDRS', 'DATA_DIR'];
    const env = Object.fromEntries(unset.map((name) => [name, undefined]));
    const launcher = startNode(join(ROOT, 'dist/src/launcher.js'), {
      cwd: folder,
      env: { ...env, PORT: String(port), WORKER_PORT: String(workerPort) },
    });
    receiver = startNode(join(ROOT, 'dist/demo/receiver.js'), { env: { RECEIVER_PORT: String(receiverPort) } });
    const isUp = (): boolean =>
      launcher.logs().includes('Ctrl-C stops everything') && receiver.logs().includes('/flaky');
    const ended = launcher.exited.then(() => {
      throw new Error(`The launcher ended:\n${launcher.logs()}`);
    });
    await Promise.race([ended, waitFor(isUp, { what: 'launcher and receiver' })]);
    ended.catch(() => undefined);

    const blocks = codeBlocks(section('Walk-through'), 'bash');
    const script = blocks
      .join('\necho "=== next block"\n')
      .replaceAll('127.0.0.1:3000', api)
      .replaceAll('127.0.0.1:4000', `127.0.0.1:${receiverPort}`);
    expect(script).toContain(api);
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, timeout: 60_000 }).catch(
      (error: { stdout: string; stderr: string }) => {
        // The command itself, which is the message, would hide what it printed.
        throw new Error(`It stopped after:\n${error.stdout}${error.stderr}\n${receiver.logs()}\n${launcher.logs()}`);
      },
    );
    printed = stdout.split('=== next block\n');
    expect(printed).toHaveLength(blocks.length);
  });
  afterAll(async () => {
    await stopAllProcesses();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The output of the one block that has this in its source. */
  const outputOf = (source: string): string => {
    const index = codeBlocks(section('Walk-through'), 'bash').findIndex((block) => block.includes(source));
    return printed[index] ?? `no block with ${source}`;
  };

  it('creates a tenant and an endpoint, and shows their secrets', () => {
    expect(outputOf('"name": "Acme"')).toMatch(/"api_key":"ph_[0-9A-Za-z]+"/);
    expect(outputOf('/ok", "event_types"')).toMatch(/"secret":"whsec_[^"]+"/);
  });

  it('publishes an event, which the receiver gets as the README shows it', () => {
    expect(outputOf('"order.created"')).toMatch(/"event_id":"order-1001-created".*"deliveries":1,"duplicate":false/);
    const shape = (line: string): string =>
      line
        .replace(/\d\d:\d\d:\d\d\.\d{3}/, 'TIME')
        .replaceAll(/0[0-9a-f]{7}-(…|[0-9a-f-]{27})/g, 'ID')
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, 'DATE')
        .trim();
    const shown = onlyBlock(section('Walk-through'), 'text', '/ok → 200');
    const got =
      receiver
        .logs()
        .split('\n')
        .find((line) => line.includes('order.created')) ?? '';
    expect(shape(got)).toBe(shape(shown));
  });

  it('shows the delivery as succeeded, and verifies its signature', () => {
    expect(outputOf('grep \'"succeeded"\'')).toMatch(/"status":"succeeded","attempts":1/);
    expect(outputOf('require("standardwebhooks")')).toMatch(/^verified: \{\s+id: '0.*type: 'order\.created'/s);
  });

  it('ends a failing delivery as a dead letter, and its retry resolves it', () => {
    expect(outputOf('grep attempts_exhausted')).toMatch(/"reason":"attempts_exhausted","attempts":3/);
    const retried = outputOf('/retry"');
    expect(retried).toMatch(/"status":"pending","attempts":0/);
    expect(retried).toMatch(/"resolution":"retried"/);
  });

  it('is matched by docs/api.md, which has every route there is and no other', async () => {
    const response = await fetch(`http://${api}/docs-json`);
    const { paths } = (await response.json()) as { paths: Record<string, object> };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => {
        const name = path.replace(/^\/api\/v1/, '').replaceAll(/\{(\w+)\}/g, ':$1');
        return `${method.toUpperCase()} ${name}`;
      }),
    );
    const named = [...read('docs/api.md').matchAll(/`((?:GET|POST|PATCH|DELETE) \/[a-z:/-]*)`/g)].map(
      (match) => match[1],
    );
    expect([...new Set(named)].sort()).toEqual(routes.sort());
  });
});

describe("README's receivers", () => {
  const secret = generateSecret('standard');
  const body = DELIVERED_BODY;
  const signed = (secrets = [secret], ageSeconds = 0): Record<string, string> => signedHeaders(secrets, ageSeconds);
  const other = generateSecret('standard');
  const good = [signed(), signed([other, secret])];
  const bad: Record<string, string>[] = [
    {},
    signed([other]),
    signed([secret], 301),
    { ...signed(), 'webhook-id': 'evt-2' },
    { ...signed(), 'webhook-signature': 'é' },
    { ...signed(), 'webhook-timestamp': 'now' },
  ];
  let folder: string;

  beforeEach(() => {
    folder = makeTempFolder();
  });
  afterEach(async () => {
    await stopAllProcesses();
    rmSync(folder, { recursive: true, force: true });
  });

  it('in Node.js takes what is signed and refuses what is not', async () => {
    const port = await freePort();
    const source = onlyBlock(README, 'js', 'standardwebhooks');
    expect(source).toContain('listen(8080)');
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const file = join(folder, 'receiver.mjs');
    writeFileSync(file, source.replace('8080', String(port)));
    const receiver = startNode(file, { env: { WEBHOOK_SECRET: secret } });
    const url = `http://127.0.0.1:${port}`;
    const answers = (): Promise<boolean> =>
      fetch(url).then(
        () => true,
        () => false,
      );
    await waitFor(answers, { what: `the receiver\n${receiver.logs()}` });
    const post = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(url, { method: 'POST', headers, body })).status;
    for (const headers of good) expect(await post(headers)).toBe(204);
    for (const headers of bad) expect(await post(headers)).toBe(401);
    await waitFor(() => receiver.logs().includes("order.created { name: 'grüße', total: 1 }"), { what: 'the event' });
  });

  it('in Python takes what is signed and refuses what is not', () => {
    if (!hasPython()) {
      console.log('No python3: the receiver in Python is not tried.');
      return;
    }
    const source = onlyBlock(README, 'python', 'def verify(');
    const script = [
      source,
      'import json, sys',
      'cases = json.load(sys.stdin)',
      'print(json.dumps([verify(cases["secret"], h, cases["body"].encode()) for h in cases["headers"]]))',
      'print(json.dumps(verify(cases["secret"], cases["headers"][0], cases["body"].encode() + b" ")))',
    ].join('\n');
    const output = execFileSync('python3', ['-c', script], {
      encoding: 'utf8',
      input: JSON.stringify({ secret, body, headers: [...good, ...bad] }),
    });
    const verdicts = [...good.map(() => true), ...bad.map(() => false)];
    expect(
      output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([verdicts, false]);
  });

  it('with openssl computes the signature that was sent', () => {
    const script = onlyBlock(read('docs/receiving.md'), 'sh', 'openssl');
    writeFileSync(join(folder, 'body.json'), body);
    const headers = signed();
    const output = execFileSync('sh', ['-ec', script], {
      cwd: folder,
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        SECRET: secret,
        WEBHOOK_ID: headers['webhook-id'],
        WEBHOOK_TIMESTAMP: headers['webhook-timestamp'],
      },
    });
    expect(`v1,${output.trim()}`).toBe(headers['webhook-signature']);
  });
});

describe('README and docs', () => {
  it('name every problem code with its status, and no other', () => {
    const rows = [...section('Errors').matchAll(/^\| `([a-z_]+)` +\| (\d{3}) +\|/gm)];
    const shown = Object.fromEntries(rows.map(([, code = '', status]) => [code, Number(status)]));
    expect(shown).toEqual(Object.fromEntries(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status])));
  });

  it.each(PAGES)('%s links to pages and headings that exist', (page) => {
    const slug = (heading: string): string =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-');
    const broken = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !target.startsWith('https://'))
      .filter((target) => {
        const [file = '', anchor] = target.split('#');
        const path = file === '' ? page : join(dirname(page), file);
        if (path.startsWith('..') || !existsSync(join(ROOT, path))) return true;
        if (anchor === undefined) return false;
        const headings = [...read(path).matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1] ?? ''));
        return !headings.includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it.each(PAGES)('%s names only files and scripts that exist', (page) => {
    const files = [
      ...read(page).matchAll(/`((?:src|demo|test|migrations|monitoring|charts|scripts|\.github)\/[\w./-]*)`/g),
    ].map((match) => match[1] ?? '');
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const used = [...read(page).matchAll(/npm (?:run )?([a-z]+(?::[a-z]+)?)/g)].map((match) => match[1] ?? '');
    const npmsOwn = ['audit', 'ci', 'install'];
    expect(used.filter((name) => !npmsOwn.includes(name) && scripts[name] === undefined)).toEqual([]);
  });
});

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

afterAll(stopAllProcesses);

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { Config, CONFIG_VARIABLES, loadConfig } from '../../src/config/config.js';
import { readLauncherSettings } from '../../src/embedded/launcher-settings.js';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLE = readFileSync(join(ROOT, '.env.example'), 'utf8');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Read by the launcher, by docker compose or by the receiver for trying things out, and by nothing else. */
const LAUNCHER_VARIABLES = ['DATA_DIR'];
const COMPOSE_VARIABLES = ['POSTGRES_PASSWORD'];
const RECEIVER_VARIABLES = ['RECEIVER_HOST', 'RECEIVER_PORT', 'RECEIVER_SECRET', 'RECEIVER_VERBOSE'];
/** In .env.example, but no setting of a role: neither in README's table nor in the chart. */
const NO_SETTINGS = [...COMPOSE_VARIABLES, ...RECEIVER_VARIABLES];

/** What the roles need and have no default for. */
const REQUIRED = {
  DATABASE_URL: 'postgres://posthaste@127.0.0.1/posthaste',
  ADMIN_API_KEY: 'an operator key of 32 characters',
  ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
};

/** The example with each setting's line in force. */
const uncommented = EXAMPLE.replaceAll(/^#(?=[A-Z_]+=)/gm, '');
const examples = parseEnv(uncommented) as Record<string, string>;

interface Row {
  name: string;
  defaultValue: string;
}

/** The rows of README's table of settings: `| \`NAME\` | default | what |`. */
const rows: Row[] = [...README.matchAll(/^\| `([A-Z][A-Z_]+)` +\| ([^|]*) \|/gm)].map((match) => ({
  name: match[1] ?? '',
  defaultValue: (match[2] ?? '').trim().replaceAll('`', ''),
}));

const configWith = (env: Record<string, string>): Config => loadConfig({ ...withoutEmpty(env), ...REQUIRED });
const withoutEmpty = (env: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

describe('.env.example', () => {
  it('has every setting there is, once each, and no other', () => {
    const named = [...EXAMPLE.matchAll(/^#?([A-Z_]+)=/gm)].map((match) => match[1]);
    expect([...named].sort()).toEqual([...CONFIG_VARIABLES, ...LAUNCHER_VARIABLES, ...NO_SETTINGS].sort());
  });

  it('says what each setting is', () => {
    const lines = EXAMPLE.split('\n');
    for (const [index, line] of lines.entries()) {
      if (/^#?[A-Z_]+=/.test(line)) expect(lines[index - 1]).toMatch(/^# \S/);
    }
  });

  it('changes nothing when it is copied as it is', () => {
    expect(parseEnv(EXAMPLE)).toEqual({});
  });

  it('shows the defaults', () => {
    expect(configWith(examples)).toEqual(configWith({}));
    const launcherDefaults = readLauncherSettings({}, ROOT);
    // The one default of its own that `npm start` has.
    expect(readLauncherSettings(withoutEmpty({ ...examples, LOG_LEVEL: '' }), ROOT)).toEqual(launcherDefaults);
    expect(EXAMPLE).toContain(`\`npm start\` has ${launcherDefaults.logLevel}.`);
  });

  it('means the same to a shell as to docker compose and node', () => {
    const script = `set -a; eval "$EXAMPLE"; exec "$NODE" -p 'JSON.stringify(process.env)'`;
    const output = execFileSync('sh', ['-c', script], {
      encoding: 'utf8',
      env: { EXAMPLE: uncommented, NODE: process.execPath, PATH: process.env.PATH },
    });
    expect(JSON.parse(output)).toMatchObject(examples);
  });
});

/** Of the shell, of npm and of Node.js, and what the benchmark hands to processes of its own. */
const OF_OTHERS = /^(PATH|HOME|LANG|LC_ALL|NO_COLOR|NODE_\w+|npm_\w+|CHAOS|CI|FLOOR_\w+|POSTHASTE_TEST_\w+)$/;

/** Files of the repository, by what they are for; tests and the dashboard, which runs in browsers, aside. */
const sources = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => /^(src|demo|bench|scripts|migrations)\/.*\.(ts|mjs|sh)$|^[^/]+\.mjs$/.test(file))
  .filter((file) => !file.endsWith('.spec.ts') && existsSync(join(ROOT, file)))
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

/** Names that code reads from the environment, however it gets at it. */
function readIn(text: string): string[] {
  const direct = [...text.matchAll(/\benv(?:ironment)?(?:\.|\[['"])([A-Za-z_]+)/g)].map((match) => match[1] ?? '');
  const destructured = [...text.matchAll(/\{([^{}]*)\}\s*=\s*process\.env/g)].flatMap((match) =>
    (match[1] ?? '').split(',').map((name) => name.trim().split(/[:=\s]/)[0] ?? ''),
  );
  const byHelper = [...text.matchAll(/\b(?:text|readPort)\('([A-Z_]+)'/g)].map((match) => match[1] ?? '');
  return [...direct, ...destructured, ...byHelper].filter((name) => /^[A-Z][A-Z_]+$/.test(name));
}

describe('the environment', () => {
  it('is read for nothing that .env.example does not name', () => {
    const read = sources.flatMap(({ file, text }) => readIn(text).map((name) => ({ file, name })));
    const names = new Set(read.map(({ name }) => name));
    // By each of the ways that there are.
    for (const name of ['RECEIVER_PORT', 'DATA_DIR', 'FLOOR_SECRET', 'SERVE_DEMO']) expect(names).toContain(name);
    const known = new Set([...EXAMPLE.matchAll(/^#?([A-Z_]+)=/gm)].map((match) => match[1]));
    expect(read.filter(({ name }) => !known.has(name) && !OF_OTHERS.test(name))).toEqual([]);
    const others = [...LAUNCHER_VARIABLES, ...RECEIVER_VARIABLES];
    expect(others.filter((name) => !names.has(name))).toEqual([]);
    for (const name of RECEIVER_VARIABLES) expect(README).toContain(`\`${name}`);
  });

  it('has no setting that nothing goes by', () => {
    const code = sources
      .filter(({ file }) => file.startsWith('src/') && file !== 'src/config/config.ts')
      .map(({ text }) => text.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, ''))
      .join('\n');
    const field = (name: string): string =>
      name.toLowerCase().replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
    const isUsed = (name: string): boolean => new RegExp(`[.{,]\\s*${field(name)}\\b`).test(code);
    expect(CONFIG_VARIABLES.filter((name) => !isUsed(name))).toEqual([]);
    expect(isUsed('NO_SUCH_SETTING')).toBe(false);
  });
});

describe("README's table of settings", () => {
  it('has every setting there is, once each, and no other', () => {
    expect(rows.map(({ name }) => name).sort()).toEqual([...CONFIG_VARIABLES, ...LAUNCHER_VARIABLES].sort());
  });

  it('shows the defaults', () => {
    const shown = rows.filter(({ defaultValue }) => defaultValue !== '');
    const required = shown.filter(({ defaultValue }) => defaultValue === 'required').map(({ name }) => name);
    expect(required.sort()).toEqual(Object.keys(REQUIRED).sort());
    const others = shown.filter(({ defaultValue }) => defaultValue !== 'required');
    const asExample = Object.fromEntries(others.map(({ name }) => [name, examples[name]]));
    expect(Object.fromEntries(others.map(({ name, defaultValue }) => [name, defaultValue]))).toEqual(asExample);
    // Nothing that has a default is shown without it.
    const empty = rows.filter(({ defaultValue }) => defaultValue === '').map(({ name }) => name);
    expect(empty.filter((name) => (examples[name] ?? '') !== '')).toEqual([]);
  });
});

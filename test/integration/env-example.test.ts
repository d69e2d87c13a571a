import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { Config, CONFIG_VARIABLES, loadConfig } from '../../src/config/config.js';
import { readLauncherSettings } from '../../src/embedded/launcher-settings.js';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLE = readFileSync(join(ROOT, '.env.example'), 'utf8');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Read by the launcher or by docker compose, and by nothing else. */
const LAUNCHER_VARIABLES = ['DATA_DIR'];
const COMPOSE_VARIABLES = ['POSTGRES_PASSWORD'];

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
    expect([...named].sort()).toEqual([...CONFIG_VARIABLES, ...LAUNCHER_VARIABLES, ...COMPOSE_VARIABLES].sort());
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

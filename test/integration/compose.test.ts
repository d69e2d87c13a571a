import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CONFIG_VARIABLES, loadConfig } from '../../src/config/config.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

interface Service {
  image: string;
  build?: string;
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
const prometheus = parse(read('monitoring/prometheus.yml')) as Prometheus;
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
  it('has PostgreSQL, Redis, the migrations, the API, the worker, and Prometheus under a profile', () => {
    expect(Object.keys(services).sort()).toEqual(['api', 'migrate', 'postgres', 'prometheus', 'redis', 'worker']);
    expect(service('postgres').image).toBe('postgres:17');
    expect(service('redis').image).toBe('redis:7');
    expect(service('prometheus').profiles).toEqual(['monitoring']);
  });

  it.each(ROLES)('starts %s with a script that the build makes', (role) => {
    const [program, script = '', ...rest] = service(role).command ?? [];
    expect([program, rest]).toEqual(['node', []]);
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
        if (source.startsWith('./')) expect(existsSync(join(ROOT, source))).toBe(true);
        else expect(Object.keys(volumes)).toContain(source);
      }
      for (const name of used) expect(Object.keys(secrets)).toContain(name);
    }
  });
});

describe('monitoring/prometheus.yml', () => {
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

describe('Dockerfile', () => {
  const stages = dockerfile.split(/^(?=FROM )/m).slice(1);

  it('copies what is there and what .dockerignore lets through', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    const letThrough = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map((match) => match[1]);
    expect(copied.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    expect([...new Set(copied)].sort()).toEqual([...letThrough].sort());
  });

  it('runs the API on a supported Node, not as root, and with a check of its health', () => {
    const last = stages.at(-1) ?? '';
    expect(stages.map((stage) => /^FROM (\S+)/.exec(stage)?.[1])).toEqual(Array(3).fill('node:20-bookworm-slim'));
    expect(last).toMatch(/^USER node$/m);
    expect(last).toContain('/health/ready');
    const [, script = ''] = /^CMD \["node", "(.+)"\]$/m.exec(last) ?? [];
    expect(existsSync(join(ROOT, sourceOf(script)))).toBe(true);
    const variables = [...(/^ENV (.+)$/m.exec(last)?.[1] ?? '').matchAll(/([A-Z_]+)=/g)].map((match) => match[1]);
    expect(variables.filter((name) => name !== 'NODE_ENV' && !CONFIG_VARIABLES.includes(name ?? ''))).toEqual([]);
  });
});

import { bannerLines } from './banner.js';
import {
  childEnvironment,
  type LauncherSettings,
  localUrl,
  readLauncherSettings,
  type ResolvedSettings,
} from './launcher-settings.js';

const resolved = (
  settings: LauncherSettings,
  databaseUrl = 'postgresql://posthaste:secret@127.0.0.1:40001/posthaste',
): ResolvedSettings => ({
  ...settings,
  embedded: settings.databaseUrl === undefined,
  databaseUrl,
  adminApiKey: settings.adminApiKey ?? 'pha_generated',
  encryptionKey: settings.encryptionKey ?? 'generated',
});

describe("the launcher's settings", () => {
  it('have a default for everything', () => {
    expect(readLauncherSettings({}, '/srv/posthaste')).toEqual({
      host: '127.0.0.1',
      port: 3000,
      workerPort: 3001,
      dataDir: '/srv/posthaste/.data',
      logLevel: 'warn',
      stopGraceMs: 35_000,
      tls: false,
    });
  });

  it('give the children a little more time to stop than they take', () => {
    expect(readLauncherSettings({ SHUTDOWN_GRACE_SECONDS: '120' }, '/srv').stopGraceMs).toBe(125_000);
    expect(readLauncherSettings({ SHUTDOWN_DELAY_SECONDS: '20' }, '/srv').stopGraceMs).toBe(55_000);
  });

  it('count an empty variable as not set, as .env files have them', () => {
    const empty = {
      HOST: '',
      PORT: '',
      DATA_DIR: '',
      DATABASE_URL: '',
      REDIS_URL: '',
      ADMIN_API_KEY: '',
      LOG_LEVEL: '',
    };
    expect(readLauncherSettings(empty, '/srv')).toEqual(readLauncherSettings({}, '/srv'));
  });

  it.each(['http', '-1', '65536', '3000.5', ' '])('refuse "%s" as a port, naming the variable', (port) => {
    expect(() => readLauncherSettings({ WORKER_PORT: port }, '/srv')).toThrow(/^WORKER_PORT is ".*", not a port/);
  });

  it('refuse one port for two listeners', () => {
    expect(() => readLauncherSettings({ PORT: '3001' }, '/srv')).toThrow('PORT and WORKER_PORT are both 3001');
  });
});

describe("the children's environment", () => {
  const childEnv = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
    childEnvironment(env, resolved(readLauncherSettings(env, '/srv')));

  it('keeps what was given and adds what was settled', () => {
    expect(childEnv({ WORKER_CONCURRENCY: '7', PORT: '8080', HOST: '' })).toMatchObject({
      WORKER_CONCURRENCY: '7',
      PORT: '8080',
      HOST: '127.0.0.1',
      ADMIN_API_KEY: 'pha_generated',
      ENCRYPTION_KEY: 'generated',
    });
  });

  it('opens loopback on the embedded default', () => {
    expect(childEnv({}).ALLOWED_PRIVATE_CIDRS).toBe('127.0.0.0/8,::1/128');
  });

  it.each([
    ['the operator names ranges', { ALLOWED_PRIVATE_CIDRS: '10.0.0.0/8' }, '10.0.0.0/8'],
    ['the operator names none, but says so', { ALLOWED_PRIVATE_CIDRS: '' }, ''],
    ["the database is the operator's own", { DATABASE_URL: 'postgres://db.internal/posthaste' }, undefined],
  ])('leaves private ranges alone when %s', (_name, env, expected) => {
    expect(childEnv(env).ALLOWED_PRIVATE_CIDRS).toBe(expected);
  });
});

describe('the banner', () => {
  const banner = (env: NodeJS.ProcessEnv, showKey = true): string =>
    bannerLines({
      settings: resolved(readLauncherSettings(env, '/srv'), env.DATABASE_URL),
      clusterDir: env.DATABASE_URL === undefined ? '/srv/.data/postgres' : undefined,
      showKey,
      seconds: 3.21,
    }).join('\n');

  it('shows where everything is, the generated key, and a request that works when pasted', () => {
    const text = banner({ PORT: '8080' });
    expect(text).toContain('started in 3.2 s');
    expect(text).toMatch(/Dashboard +http:\/\/127\.0\.0\.1:8080$/m);
    expect(text).toContain('http://127.0.0.1:8080/docs');
    expect(text).toContain('/srv/.data (embedded PostgreSQL)');
    expect(text).toContain('BullMQ on PostgreSQL');
    expect(text).toContain('127.0.0.0/8,::1/128');
    expect(text).toContain(
      `curl -s http://127.0.0.1:8080/api/v1/tenants -H 'X-API-Key: pha_generated' -H 'Content-Type: application/json' -d '{"name":"Acme"}'`,
    );
  });

  it('shows neither a key nor a password that the operator brought', () => {
    const text = banner(
      {
        ADMIN_API_KEY: 'a-key-of-the-operator',
        DATABASE_URL: 'postgres://me:hunter2@db.internal:5433/hooks',
        REDIS_URL: 'redis://:s3cret@cache',
      },
      false,
    );
    expect(text).not.toMatch(/a-key-of-the-operator|hunter2|s3cret/);
    expect(text).toContain('"X-API-Key: $ADMIN_API_KEY"');
    expect(text).toContain('PostgreSQL at db.internal:5433/hooks');
    expect(text).toContain('BullMQ on Redis');
    expect(text).not.toContain('ALLOWED_PRIVATE_CIDRS');
  });

  it.each([
    ['0.0.0.0', 'http://127.0.0.1:3000'],
    ['::', 'http://[::1]:3000'],
    ['::1', 'http://[::1]:3000'],
    ['192.168.1.5', 'http://192.168.1.5:3000'],
  ])('names an address to reach a listener on %s', (host, url) => {
    expect(localUrl({ host, tls: false }, 3000)).toBe(url);
    expect(localUrl({ host, tls: true }, 3000)).toBe(url.replace('http:', 'https:'));
  });

  it('names https addresses when the processes listen with TLS', () => {
    expect(banner({ TLS_CERT_FILE: '/etc/tls/cert.pem', TLS_KEY_FILE: '/etc/tls/key.pem' })).toContain(
      'https://127.0.0.1:3000/docs',
    );
  });
});

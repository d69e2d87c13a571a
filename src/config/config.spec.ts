import { randomBytes } from 'node:crypto';
import { Config, CONFIG_VARIABLES, ConfigError, loadConfig, readTrustProxy } from './config.js';

const REQUIRED = {
  DATABASE_URL: 'postgres://user:secret@localhost:5432/posthaste',
  ADMIN_API_KEY: 'pha_0123456789abcdef',
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
};
const OLD_KEYS = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const load = (env: NodeJS.ProcessEnv = {}): Config => loadConfig({ ...REQUIRED, ...env });

/** The lines of what is printed for these settings. */
function problemsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}
const variablesNamed = (env: NodeJS.ProcessEnv): string[] =>
  problemsOf({ ...REQUIRED, ...env }).map((line) => line.split(':', 1)[0] ?? '');

describe('settings', () => {
  it('have defaults for all that is not required', () => {
    expect(load().redisUrl).toBeUndefined();
    expect(load()).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      allowedPrivateCidrs: [],
      httpsOnly: false,
      retentionDays: 30,
      maxDeliveryAgeHours: 120,
      defaultRetryPolicy: { preset: 'quick' },
      metricsPublic: false,
      trustProxy: 'false',
      logLevel: 'info',
    });
  });

  it('come from the environment, each in its own type', () => {
    const config = load({
      PORT: ' 8080 ',
      REDIS_URL: 'rediss://cache:6380/1',
      HTTPS_ONLY: 'true',
      METRICS_PUBLIC: '1',
      DEFAULT_RETRY_POLICY: '{"max_attempts": 2, "schedule_seconds": [0, 60]}',
      QUEUE_WINDOW_PER_ENDPOINT: '7',
      ENCRYPTION_KEYS_RETIRED: `${OLD_KEYS[0]}, ${OLD_KEYS[1]}`,
      OUTBOUND_PROXY_URL: 'http://user:p%40ss@proxy:3128',
    });
    expect(config).toMatchObject({
      port: 8080,
      redisUrl: 'rediss://cache:6380/1',
      httpsOnly: true,
      metricsPublic: true,
      defaultRetryPolicy: { max_attempts: 2, schedule_seconds: [0, 60] },
      queueWindowPerEndpoint: 7,
      encryptionKeysRetired: OLD_KEYS,
      outboundProxyUrl: 'http://user:p%40ss@proxy:3128',
    });
  });

  it('take the public address without its final slash', () => {
    expect(load({ PUBLIC_URL: 'https://hooks.example.com/portal/' }).publicUrl).toBe(
      'https://hooks.example.com/portal',
    );
    for (const PUBLIC_URL of [
      'hooks.example.com',
      'ftp://a',
      'https://a?b',
      'https://a#b',
      'https://u@a',
      'https://a b',
    ]) {
      expect(variablesNamed({ PUBLIC_URL })).toEqual(['PUBLIC_URL']);
    }
  });

  it('count as not set when empty', () => {
    expect(load({ PORT: '', REDIS_URL: '', RETENTION_DAYS: '', LOG_LEVEL: '' })).toEqual(load());
  });

  it('know each variable once', () => {
    expect(new Set(CONFIG_VARIABLES).size).toBe(CONFIG_VARIABLES.length);
    expect(CONFIG_VARIABLES).toEqual(
      expect.arrayContaining(['PORT', 'DATABASE_URL', 'REDIS_URL', 'MAX_DELIVERY_AGE_HOURS']),
    );
  });
});

describe('bad settings', () => {
  it('are all named at once, a line each, without their values', () => {
    const bad = {
      DATABASE_URL: 'mysql://root:hunter2@x',
      REDIS_URL: 'http://hunter2@x',
      PORT: '70000',
      WORKER_CONCURRENCY: 'many',
      ADMIN_API_KEY: 'hunter2',
      ENCRYPTION_KEY: 'aHVudGVyMg==',
      ENCRYPTION_KEYS_RETIRED: 'hunter2',
      OUTBOUND_PROXY_URL: 'ftp://root:hunter2@proxy',
      QUEUE_PREFIX: 'a:b',
      LOG_LEVEL: 'loud',
      HTTPS_ONLY: 'yes',
      DEFAULT_RETRY_POLICY: '{"preset":"never"}',
      ALLOWED_PRIVATE_CIDRS: '10.0.0.0/8,10.0.0.0/33',
    };
    expect(variablesNamed(bad).sort()).toEqual(Object.keys(bad).sort());
    expect(problemsOf({ ...REQUIRED, ...bad }).join()).not.toContain('hunter2');
  });

  it('tell what is required and how to come by it', () => {
    const problems = problemsOf({});
    expect(problems.map((line) => line.split(':', 1)[0])).toEqual(['DATABASE_URL', 'ADMIN_API_KEY', 'ENCRYPTION_KEY']);
    expect(problems.join()).toContain('openssl rand -base64 32');
  });

  it.each([
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['LEASE_SECONDS', '4'],
    ['RETENTION_DAYS', '0'],
    ['AUDIT_RETENTION_DAYS', '29'],
    ['METRICS_PUBLIC', 'TRUE'],
    ['DEFAULT_RETRY_POLICY', '{"preset":'],
    ['DEFAULT_RETRY_POLICY', '[]'],
    ['DEFAULT_RETRY_POLICY', 'null'],
    ['ENCRYPTION_KEY', 'x'],
    ['ENCRYPTION_KEY', randomBytes(33).toString('base64')],
    ['ENCRYPTION_KEY', `!${REQUIRED.ENCRYPTION_KEY}`],
    ['DATABASE_URL', 'localhost:5432'],
    ['TRUST_PROXY', 'yes'],
    ['TRUST_PROXY', '1'],
    ['TRUST_PROXY', '10.0.0.0/8,proxy.internal'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://app.example.com/'],
    ['CORS_ORIGINS', 'https://app.example.com,app.example.org'],
    ['CORS_ORIGINS', 'https://App.example.com'],
    ['CORS_ORIGINS', 'file:///etc'],
    ['IP_RATE_LIMIT', '-1'],
    ['AUTH_FAILURE_LIMIT', 'none'],
    ['ENCRYPTION_KEYS_RETIRED', 'x'],
    ['ENCRYPTION_KEYS_RETIRED', `${REQUIRED.ENCRYPTION_KEY},${randomBytes(33).toString('base64')}`],
    ['OUTBOUND_PROXY_URL', 'proxy:3128'],
    ['OUTBOUND_PROXY_URL', 'socks5://proxy:1080'],
    ['OUTBOUND_PROXY_URL', 'http://proxy:3128/path'],
    ['OUTBOUND_PROXY_URL', 'http://user:%zz@proxy:3128'],
    ['EXTRA_CA_FILE', '/nowhere/ca.pem'],
    ['EXTRA_CA_FILE', __filename],
  ])('%s=%s is refused, in one line', (name, value) => {
    expect(variablesNamed({ [name]: value })).toEqual([name]);
  });
});

describe('ALLOWED_PRIVATE_CIDRS', () => {
  it('is a list, with white space and an empty place forgiven', () => {
    expect(load({ ALLOWED_PRIVATE_CIDRS: ' 127.0.0.0/8 , ::1/128,,fd00::/8' }).allowedPrivateCidrs).toEqual([
      '127.0.0.0/8',
      '::1/128',
      'fd00::/8',
    ]);
  });

  it('allows nothing when it is empty or not set', () => {
    expect(load({ ALLOWED_PRIVATE_CIDRS: '' }).allowedPrivateCidrs).toEqual([]);
    expect(load().allowedPrivateCidrs).toEqual([]);
  });

  it.each([
    '10.0.0.0',
    '10.0.0/8',
    '10.0.0.0/33',
    '::1/129',
    'localhost/8',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/',
  ])('refuses %s and names it', (cidr) => {
    expect(problemsOf({ ...REQUIRED, ALLOWED_PRIVATE_CIDRS: `127.0.0.0/8,${cidr}` })).toEqual([
      expect.stringMatching(/^ALLOWED_PRIVATE_CIDRS: /) as string,
    ]);
  });
});

describe('TRUST_PROXY', () => {
  it.each([
    ['true', true],
    ['false', false],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
  ])('%s is read', (setting, expected) => {
    expect(readTrustProxy(load({ TRUST_PROXY: setting }).trustProxy)).toEqual(expected);
  });
});

describe('TLS_CERT_FILE and TLS_KEY_FILE', () => {
  it('need each other', () => {
    for (const name of ['TLS_CERT_FILE', 'TLS_KEY_FILE']) {
      expect(problemsOf({ ...REQUIRED, [name]: '/etc/tls.pem' })).toEqual([
        'TLS_CERT_FILE, TLS_KEY_FILE: set both or neither',
      ]);
    }
  });
});

import { randomBytes } from 'node:crypto';
import { Config, CONFIG_VARIABLES, ConfigError, loadConfig } from './config.js';

const REQUIRED = {
  DATABASE_URL: 'postgres://user:secret@localhost:5432/posthaste',
  ADMIN_API_KEY: 'pha_0123456789abcdef',
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
};
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
    });
    expect(config).toMatchObject({
      port: 8080,
      redisUrl: 'rediss://cache:6380/1',
      httpsOnly: true,
      metricsPublic: true,
      defaultRetryPolicy: { max_attempts: 2, schedule_seconds: [0, 60] },
      queueWindowPerEndpoint: 7,
    });
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
    ['METRICS_PUBLIC', 'TRUE'],
    ['DEFAULT_RETRY_POLICY', '{"preset":'],
    ['DEFAULT_RETRY_POLICY', '[]'],
    ['DEFAULT_RETRY_POLICY', 'null'],
    ['ENCRYPTION_KEY', 'x'],
    ['ENCRYPTION_KEY', randomBytes(33).toString('base64')],
    ['ENCRYPTION_KEY', `!${REQUIRED.ENCRYPTION_KEY}`],
    ['DATABASE_URL', 'localhost:5432'],
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

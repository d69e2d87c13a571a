import { plainToInstance, Transform, type TransformFnParams } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  isObject,
  IsOptional,
  IsString,
  Max,
  Min,
  MinLength,
  validateSync,
} from 'class-validator';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { CertificateError, readCertificates } from '../common/certificates.js';
import { readCidr } from '../common/cidr.js';
import { validateEncryptionKey } from '../common/secret-box.js';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../deliveries/retry-policy.js';
import { validateRetryPolicy } from '../deliveries/validate-retry-policy.js';

/** A setting is missing or wrong. `message` names every bad variable, one a line, and is meant to be printed as it is. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const toInt = ({ value }: TransformFnParams): unknown =>
  typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value;

const toBoolean = ({ value }: TransformFnParams): unknown => {
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  return value;
};

const toList = ({ value }: TransformFnParams): unknown =>
  typeof value === 'string'
    ? value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
    : value;

const toUrlWithoutSlash = ({ value }: TransformFnParams): unknown =>
  typeof value === 'string' ? value.trim().replace(/\/+$/, '') : value;

const toJson = ({ value }: TransformFnParams): unknown => {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
};

/** Every setting of API and worker. Variable names are the upper snake case of the fields; `.env.example` mirrors them. */
export class Config {
  /** Where the API listens. */
  @Transform(toInt) @IsInt() @Min(0) @Max(65_535) port: number = 3000;
  @IsString() host: string = '127.0.0.1';

  /** Where people reach the API from outside, without a final slash; empty: by `HOST` and `PORT`. */
  @Transform(toUrlWithoutSlash) @IsString() publicUrl: string = '';

  /** PostgreSQL, the truth. The roles started apart need it; `npm start` brings its own when it is not set. */
  @IsString()
  @MinLength(1, { message: 'is required (postgres://user:password@host:5432/database)' })
  databaseUrl: string = '';
  /** Connections a process opens at most, beside those of the queue when it runs on PostgreSQL. */
  @Transform(toInt) @IsInt() @Min(2) @Max(500) databasePoolSize: number = 20;

  /** Redis for the queue window and the token buckets; without it both run on PostgreSQL. */
  @IsOptional() @IsString() redisUrl?: string;
  /** Prefix of the queue's keys in Redis, so that several installations can share one. Letters, digits, `-` and `_`. */
  @IsString() queuePrefix: string = 'posthaste';

  /** The operator's key for `X-API-Key`. */
  @IsString() @MinLength(16, { message: 'is required and has at least 16 characters' }) adminApiKey: string = '';
  /** 32 random bytes in base64: encrypts signing secrets and header values at rest. */
  @IsString()
  @MinLength(1, { message: 'is required (32 random bytes in base64: openssl rand -base64 32)' })
  encryptionKey: string = '';

  /** Keys that open what they have sealed, and seal nothing: what `ENCRYPTION_KEY` was, or is about to become. */
  @Transform(toList) @IsString({ each: true }) encryptionKeysRetired: string[] = [];

  /** Private address ranges that endpoints may lie in. Empty: public addresses only. */
  @Transform(toList) @IsString({ each: true }) allowedPrivateCidrs: string[] = [];
  /** Refuse endpoints that are not `https`. */
  @Transform(toBoolean) @IsBoolean() httpsOnly: boolean = false;
  /** PEM file of certificates that receivers may have beside those of the usual authorities. */
  @IsOptional() @IsString() extraCaFile?: string;
  /** Egress proxy (http or https) that deliveries go through; the environment's own proxy variables are ignored. */
  @IsOptional() @IsString() outboundProxyUrl?: string;

  /** Deliveries that one worker process has under way at once. Many: most of that time they wait for their receivers. */
  @Transform(toInt) @IsInt() @Min(1) @Max(5_000) workerConcurrency: number = 1_000;
  /** Port of a worker's health and metrics; 0 picks a free one. */
  @Transform(toInt) @IsInt() @Min(0) @Max(65_535) workerPort: number = 3001;

  /** Queued deliveries of one endpoint, all workers together: its share of their concurrency. */
  @Transform(toInt) @IsInt() @Min(1) @Max(100_000) queueWindowPerEndpoint: number = 100;
  /** Queued deliveries of one tenant, all workers together. */
  @Transform(toInt) @IsInt() @Min(1) @Max(100_000) queueWindowPerTenant: number = 200;
  /** Queued deliveries of everybody: what bounds the queue's memory. */
  @Transform(toInt) @IsInt() @Min(1) @Max(1_000_000) queueWindowTotal: number = 10_000;
  /** An endpoint whose every attempt has failed for so many hours is disabled; 0: never. */
  @Transform(toInt) @IsInt() @Min(0) @Max(8_760) disableAfterHours: number = 120;
  /** How long a delivery may stay in the queue unclaimed before it is enqueued again, in seconds. */
  @Transform(toInt) @IsInt() @Min(5) @Max(3_600) leaseSeconds: number = 60;

  /** Days that events, deliveries and attempts are kept. */
  @Transform(toInt) @IsInt() @Min(1) @Max(3_650) retentionDays: number = 30;
  /** Days that the audit log is kept. Younger than 30 days nothing of it can be removed, by anybody. */
  @Transform(toInt) @IsInt() @Min(30) @Max(3_650) auditRetentionDays: number = 365;
  /** Days that dead letters are kept, resolved or not; at least as long as events are, however few it says. */
  @Transform(toInt) @IsInt() @Min(1) @Max(3_650) deadLetterRetentionDays: number = 90;
  /** Retry policy of endpoints whose tenant has none either, as JSON; `{"preset":"quick"}` without it. */
  @Transform(toJson) @IsObject({ message: 'must be a JSON object' }) defaultRetryPolicy: RetryPolicy =
    DEFAULT_RETRY_POLICY;
  /** A delivery that is still pending after so many hours becomes a dead letter (`expired`). */
  @Transform(toInt) @IsInt() @Min(1) @Max(8_760) maxDeliveryAgeHours: number = 120;

  @Transform(toBoolean) @IsBoolean() metricsPublic: boolean = false;
  /** Tenants that have metrics of their own, in each process; 0: none. */
  @Transform(toInt) @IsInt() @Min(0) @Max(10_000) metricsPerTenant: number = 0;
  /** Open `POST /demo` and the receiver that its events go to; `npm start` does on its embedded database. */
  @Transform(toBoolean) @IsBoolean() serveDemo: boolean = false;
  /**
   * Proxies whose `X-Forwarded-For` is believed: `true` (all: only behind one that sets the header anew), `false`, or a list
   * of their addresses and CIDRs. No number of hops: who reaches the port directly would make them up, and so Fastify takes none.
   */
  @IsString() trustProxy: string = 'false';
  /** Origins whose pages may call the API from a browser; empty: none. */
  @Transform(toList) @IsString({ each: true }) corsOrigins: string[] = [];
  /** Requests without a key that an address may make a minute, in each process; 0: no limit. */
  @Transform(toInt) @IsInt() @Min(0) @Max(10_000_000) ipRateLimit: number = 1_200;
  /** Failed authentications of an address a minute, in each process, before it is refused unheard; 0: no limit. */
  @Transform(toInt) @IsInt() @Min(0) @Max(10_000_000) authFailureLimit: number = 60;
  /** Certificate chain and key, as PEM files: with both, API and worker listen with TLS. */
  @IsString() tlsCertFile: string = '';
  @IsString() tlsKeyFile: string = '';
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']) logLevel: string = 'info';
  /** A line at level info for each event accepted, attempt made and delivery settled. */
  @Transform(toBoolean) @IsBoolean() logEvents: boolean = true;
  /** Collector (OTLP over HTTP) that traces are sent to; empty: there are none. */
  @Transform(toUrlWithoutSlash) @IsString() otelExporterOtlpEndpoint: string = '';
  /**
   * How long after SIGTERM requests are still taken while `/health/ready` says 503, in seconds: time for load balancers to
   * look elsewhere.
   */
  @Transform(toInt) @IsInt() @Min(0) @Max(300) shutdownDelaySeconds: number = 0;
  /** How long SIGTERM waits for what is in flight, in seconds. */
  @Transform(toInt) @IsInt() @Min(1) @Max(600) shutdownGraceSeconds: number = 30;
}

/** A field without a default is a key of the object with some compilers and not with others. */
const FIELDS = [...new Set([...Object.keys(new Config()), 'redisUrl', 'extraCaFile', 'outboundProxyUrl'])];

const variableName = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** The variables that `loadConfig` reads, in the order of the fields. */
export const CONFIG_VARIABLES: readonly string[] = FIELDS.map(variableName);

/**
 * Reads and checks all settings at once.
 * @throws ConfigError naming every bad variable.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const raw: Record<string, string> = {};
  for (const field of FIELDS) {
    const value = env[variableName(field)];
    // An empty variable counts as not set, but for the one list where "nothing" is a choice of its own.
    if (value !== undefined && (value !== '' || field === 'allowedPrivateCidrs')) raw[field] = value;
  }
  const config = plainToInstance(Config, raw, { exposeDefaultValues: true });
  const problems = validateSync(config).map(
    (error) => `${variableName(error.property)}: ${Object.values(error.constraints ?? {}).join(', ')}`,
  );
  problems.push(...furtherProblems(config));
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

function furtherProblems(config: Config): string[] {
  const problems: string[] = [];
  if (config.databaseUrl !== '' && !/^postgres(ql)?:\/\//.test(config.databaseUrl)) {
    problems.push('DATABASE_URL: must begin with postgres:// or postgresql://');
  }
  if (config.redisUrl !== undefined && !/^rediss?:\/\//.test(config.redisUrl)) {
    problems.push('REDIS_URL: must begin with redis:// or rediss://');
  }
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(config.queuePrefix)) {
    problems.push('QUEUE_PREFIX: 1 to 40 letters, digits, - or _');
  }
  if (config.publicUrl !== '' && !isPublicUrl(config.publicUrl)) {
    problems.push('PUBLIC_URL: must be like https://webhooks.example.com, without user, query and fragment');
  }
  if (config.otelExporterOtlpEndpoint !== '' && !isPublicUrl(config.otelExporterOtlpEndpoint)) {
    problems.push('OTEL_EXPORTER_OTLP_ENDPOINT: must be like http://collector:4318, without user, query and fragment');
  }
  const keyProblem = config.encryptionKey === '' ? null : validateEncryptionKey(config.encryptionKey);
  if (keyProblem !== null) problems.push(`ENCRYPTION_KEY: ${keyProblem}`);
  for (const key of Array.isArray(config.encryptionKeysRetired) ? config.encryptionKeysRetired : []) {
    const problem = validateEncryptionKey(key);
    if (problem !== null) problems.push(`ENCRYPTION_KEYS_RETIRED: each ${problem}`);
  }
  problems.push(...problemsOfSending(config));
  const policy = validateRetryPolicy(config.defaultRetryPolicy);
  // What is no object at all has been told of already.
  if (!policy.ok && isObject(config.defaultRetryPolicy)) {
    problems.push(...policy.errors.map(({ field, message }) => `DEFAULT_RETRY_POLICY: ${field} ${message}`));
  }
  for (const cidr of Array.isArray(config.allowedPrivateCidrs) ? config.allowedPrivateCidrs : []) {
    if (readCidr(cidr) === null)
      problems.push(`ALLOWED_PRIVATE_CIDRS: "${cidr}" is not an address range like 10.0.0.0/8`);
  }
  if (readTrustProxy(config.trustProxy) === null) {
    problems.push('TRUST_PROXY: must be true, false, or a list of addresses and ranges');
  }
  for (const origin of Array.isArray(config.corsOrigins) ? config.corsOrigins : []) {
    if (!isOrigin(origin)) problems.push(`CORS_ORIGINS: "${origin}" is not an origin like https://app.example.com`);
  }
  if ((config.tlsCertFile === '') !== (config.tlsKeyFile === '')) {
    problems.push('TLS_CERT_FILE, TLS_KEY_FILE: set both or neither');
  }
  return problems;
}

function isPublicUrl(text: string): boolean {
  if (!URL.canParse(text) || /[?#\s]/.test(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** `TRUST_PROXY` in the form that Fastify takes; null for what it is not. */
export function readTrustProxy(setting: string): boolean | string[] | null {
  if (setting === 'true' || setting === 'false') return setting === 'true';
  const proxies = setting.split(',').map((part) => part.trim());
  return proxies.every((proxy) => isIP(proxy) !== 0 || readCidr(proxy) !== null) ? proxies : null;
}

/** Exact: scheme, host and port as browsers send them, so not `*`, no path, no capital letters. */
const isOrigin = (text: string): boolean =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;

function problemsOfSending({ extraCaFile, outboundProxyUrl }: Config): string[] {
  const problems: string[] = [];
  if (outboundProxyUrl !== undefined && !isProxyUrl(outboundProxyUrl)) {
    // Without the value: there may be a password in it.
    problems.push('OUTBOUND_PROXY_URL: must be http:// or https:// with a host, a port and perhaps user:password@');
  }
  if (extraCaFile !== undefined) {
    try {
      readCertificates(readFileSync(extraCaFile, 'utf8'));
    } catch (error) {
      problems.push(`EXTRA_CA_FILE: ${error instanceof CertificateError ? error.message : 'can not be read'}`);
    }
  }
  return problems;
}

function isProxyUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  try {
    // Undefined escapes would only be found when the credentials are sent.
    decodeURIComponent(username + password);
  } catch {
    return false;
  }
  return /^https?:$/.test(protocol) && pathname === '/' && search === '' && hash === '';
}

/** Which failures are tried again: `any` but a 410, or only those that are likely to pass. */
export type RetryOn = 'any' | 'transient';

interface RetryOptions {
  /** 0 to 1: a wait is its base times (1 + random × jitter). */
  readonly jitter?: number;
  readonly retry_on?: RetryOn;
}

export interface SchedulePolicy extends RetryOptions {
  readonly max_attempts: number;
  /** Entry `i` is the wait before attempt `i + 1`; the last one repeats. */
  readonly schedule_seconds: readonly number[];
}

/** The first attempt at once, then `initial_seconds`, each further wait `factor` times the last, up to `max_seconds`. */
export interface ExponentialPolicy extends RetryOptions {
  readonly max_attempts: number;
  readonly initial_seconds: number;
  readonly factor: number;
  readonly max_seconds: number;
}

export type RetryPreset = 'quick' | 'standard' | 'long';

export interface PresetPolicy extends RetryOptions {
  readonly preset: RetryPreset;
}

/** A retry policy as the API takes it and as it is stored. */
export type RetryPolicy = SchedulePolicy | ExponentialPolicy | PresetPolicy;

/** A policy with its defaults filled in. */
export interface ResolvedRetryPolicy {
  readonly maxAttempts: number;
  /** The wait before this attempt (counted from 1), without jitter. */
  baseSeconds(attempt: number): number;
  readonly jitter: number;
  readonly retryOn: RetryOn;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = { preset: 'quick' };
export const DEFAULT_JITTER = 0.25;

/** Longer `Retry-After` values are cut to this: a receiver may ask for patience, not for a standstill. */
export const MAX_RETRY_AFTER_SECONDS = 3600;

const MINUTE = 60;
const HOUR = 60 * MINUTE;

export const PRESET_SCHEDULES: Readonly<Record<RetryPreset, readonly number[]>> = {
  quick: [0, 1, 2, 4, 8, 16, 32],
  standard: [0, 2, 4, 8, 16],
  // The schedule that the Standard Webhooks specification 1.0.0 recommends.
  long: [0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
};

/** The first policy that is set: the endpoint's, else the tenant's, else the system's. */
export function resolveRetryPolicy(
  endpointPolicy: RetryPolicy | null,
  tenantPolicy: RetryPolicy | null,
  systemPolicy: RetryPolicy | null,
): ResolvedRetryPolicy {
  const policy = endpointPolicy ?? tenantPolicy ?? systemPolicy ?? DEFAULT_RETRY_POLICY;
  const options = { jitter: policy.jitter ?? DEFAULT_JITTER, retryOn: policy.retry_on ?? 'any' };
  if ('preset' in policy) {
    const schedule = PRESET_SCHEDULES[policy.preset];
    return { maxAttempts: schedule.length, baseSeconds: (attempt) => scheduled(schedule, attempt), ...options };
  }
  if ('schedule_seconds' in policy) {
    const schedule = policy.schedule_seconds;
    return { maxAttempts: policy.max_attempts, baseSeconds: (attempt) => scheduled(schedule, attempt), ...options };
  }
  return { maxAttempts: policy.max_attempts, baseSeconds: (attempt) => exponential(policy, attempt), ...options };
}

function scheduled(schedule: readonly number[], attempt: number): number {
  return schedule[Math.min(attempt, schedule.length) - 1] ?? 0;
}

function exponential(policy: ExponentialPolicy, attempt: number): number {
  if (attempt <= 1) return 0;
  return Math.min(policy.max_seconds, policy.initial_seconds * policy.factor ** (attempt - 2));
}

export interface WaitOptions {
  /** What the receiver asked for, in seconds; undefined or null: nothing. */
  readonly retryAfterSeconds?: number | null;
  /** At least 0, below 1, as `Math.random`. */
  readonly random: () => number;
}

/**
 * How long to wait before `attempt` (counted from 1), in whole milliseconds: the base spread upwards by the jitter, or
 * `Retry-After` if that is later. Never earlier than the base, so that a schedule is a promise to the receiver.
 */
export function waitMsBefore(policy: ResolvedRetryPolicy, attempt: number, options: WaitOptions): number {
  const baseMs = Math.ceil(policy.baseSeconds(attempt) * 1000);
  const jitteredMs = Math.floor(baseMs * (1 + options.random() * policy.jitter));
  const retryAfterSeconds = Math.min(options.retryAfterSeconds ?? 0, MAX_RETRY_AFTER_SECONDS);
  return Math.max(jitteredMs, Math.ceil(retryAfterSeconds * 1000));
}

export interface FailedAttempt {
  /** Null when no response came (a network error, a timeout). */
  readonly statusCode: number | null;
  /** The endpoint's address is one that we never connect to. */
  readonly addressRefused: boolean;
}

// Request Timeout, Too Early and Too Many Requests: client errors that say "later" (RFC 9110, RFC 8470, RFC 6585).
const TRANSIENT_CLIENT_ERRORS: readonly number[] = [408, 425, 429];
const GONE = 410;

/** Whether an attempt that ended like this may be made again, leaving aside how many attempts are left. */
export function isRetryable(policy: Pick<ResolvedRetryPolicy, 'retryOn'>, attempt: FailedAttempt): boolean {
  const { statusCode, addressRefused } = attempt;
  if (addressRefused || statusCode === GONE) return false;
  if (statusCode === null) return true;
  if (statusCode >= 200 && statusCode <= 299) return false;
  return policy.retryOn === 'any' || statusCode >= 500 || TRANSIENT_CLIENT_ERRORS.includes(statusCode);
}

import type { FieldError } from '../common/domain-error.js';
import { PRESET_SCHEDULES, type RetryOn, type RetryPolicy, type RetryPreset } from './retry-policy.js';

export const MAX_ATTEMPTS = 100;
export const MAX_SCHEDULE_ENTRIES = 100;
export const MAX_WAIT_SECONDS = 7 * 24 * 3600;
export const MAX_FACTOR = 10;
// A hostile body may hold a hundred thousand unknown keys: the first few say enough.
const MAX_REPORTED_ERRORS = 20;

export type ValidatedRetryPolicy =
  { readonly ok: true; readonly policy: RetryPolicy } | { readonly ok: false; readonly errors: FieldError[] };

type Form = 'preset' | 'schedule' | 'exponential';

const OPTIONS = ['jitter', 'retry_on'];
const FIELDS: Readonly<Record<Form, readonly string[]>> = {
  preset: ['preset', ...OPTIONS],
  schedule: ['max_attempts', 'schedule_seconds', ...OPTIONS],
  exponential: ['max_attempts', 'initial_seconds', 'factor', 'max_seconds', ...OPTIONS],
};
const ALL_FIELDS = new Set(Object.values(FIELDS).flat());

/**
 * Checks a retry policy of unknown origin (a request, a setting, a stored column) and returns it with known keys only.
 * The three forms exclude one another: a policy that mixed them would leave open which one is meant.
 *
 * @param path what the errors' `field` begins with
 */
export function validateRetryPolicy(value: unknown, path = 'retry_policy'): ValidatedRetryPolicy {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, errors: [{ field: path, message: 'must be an object' }] };
  }
  const present = Object.entries(value).filter(([, field]) => field !== undefined);
  const reader = new PolicyReader(new Map<string, unknown>(present), path);
  const policy = reader.read();
  return reader.errors.length > 0 ? { ok: false, errors: reader.errors } : { ok: true, policy };
}

class PolicyReader {
  readonly errors: FieldError[] = [];

  constructor(
    private readonly fields: ReadonlyMap<string, unknown>,
    private readonly path: string,
  ) {}

  read(): RetryPolicy {
    const form = this.form();
    this.refuseOtherFields(form);
    switch (form) {
      case 'preset':
        return { preset: this.preset(), ...this.options() };
      case 'schedule':
        return { max_attempts: this.maxAttempts(), schedule_seconds: this.schedule(), ...this.options() };
      case 'exponential':
        return { max_attempts: this.maxAttempts(), ...this.growth(), ...this.options() };
    }
  }

  private form(): Form {
    if (this.fields.has('preset')) return 'preset';
    return ['initial_seconds', 'factor', 'max_seconds'].some((name) => this.fields.has(name)) &&
      !this.fields.has('schedule_seconds')
      ? 'exponential'
      : 'schedule';
  }

  private refuseOtherFields(form: Form): void {
    for (const name of this.fields.keys()) {
      if (FIELDS[form].includes(name)) continue;
      const key = form === 'exponential' ? 'initial_seconds' : form === 'schedule' ? 'schedule_seconds' : 'preset';
      this.fail(name, ALL_FIELDS.has(name) ? `can't stand beside ${key}` : 'is not a known field');
    }
  }

  private preset(): RetryPreset {
    const value = this.fields.get('preset');
    if (typeof value === 'string' && Object.hasOwn(PRESET_SCHEDULES, value)) return value as RetryPreset;
    this.fail('preset', `must be one of ${Object.keys(PRESET_SCHEDULES).join(', ')}`);
    return 'quick';
  }

  private maxAttempts(): number {
    const value = this.number('max_attempts', 1, MAX_ATTEMPTS);
    if (!Number.isInteger(value)) this.fail('max_attempts', 'must be a whole number');
    return value;
  }

  private schedule(): number[] {
    const value = this.fields.get('schedule_seconds');
    if (!Array.isArray(value) || value.length < 1 || value.length > MAX_SCHEDULE_ENTRIES) {
      this.fail('schedule_seconds', `must be an array of 1 to ${MAX_SCHEDULE_ENTRIES} numbers`);
      return [];
    }
    return value.map((seconds, index) => this.inRange(seconds, `schedule_seconds[${index}]`, 0, MAX_WAIT_SECONDS));
  }

  private growth(): { initial_seconds: number; factor: number; max_seconds: number } {
    const initial_seconds = this.number('initial_seconds', 0, MAX_WAIT_SECONDS);
    const factor = this.number('factor', 1, MAX_FACTOR);
    const max_seconds = this.number('max_seconds', 0, MAX_WAIT_SECONDS);
    if (max_seconds < initial_seconds) this.fail('max_seconds', 'must not be less than initial_seconds');
    return { initial_seconds, factor, max_seconds };
  }

  private options(): { jitter?: number; retry_on?: RetryOn } {
    const jitter = this.fields.has('jitter') ? { jitter: this.number('jitter', 0, 1) } : {};
    const retryOn = this.fields.get('retry_on');
    if (!this.fields.has('retry_on')) return jitter;
    if (retryOn === 'any' || retryOn === 'transient') return { ...jitter, retry_on: retryOn };
    this.fail('retry_on', 'must be one of any, transient');
    return jitter;
  }

  private number(name: string, min: number, max: number): number {
    return this.inRange(this.fields.get(name), name, min, max);
  }

  private inRange(value: unknown, name: string, min: number, max: number): number {
    // The comparison is false for NaN, and JSON's 1e999 arrives as Infinity: both end here.
    if (typeof value === 'number' && value >= min && value <= max) return value;
    this.fail(name, value === undefined ? 'is required' : `must be a number from ${min} to ${max}`);
    return NaN;
  }

  private fail(name: string, message: string): void {
    if (this.errors.length === MAX_REPORTED_ERRORS) return;
    // One error a field: a number that is out of range is not also "no whole number".
    const field = `${this.path}.${name}`;
    if (!this.errors.some((error) => error.field === field)) this.errors.push({ field, message });
  }
}

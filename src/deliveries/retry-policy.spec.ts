import fc from 'fast-check';

import { isRetryable, resolveRetryPolicy, waitMsBefore, type RetryPolicy } from './retry-policy.js';
import { MAX_WAIT_SECONDS, validateRetryPolicy } from './validate-retry-policy.js';

const seconds = fc.oneof(fc.nat(60), fc.double({ min: 0, max: MAX_WAIT_SECONDS, noNaN: true }));
const options = {
  jitter: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
  retry_on: fc.option(fc.constantFrom('any' as const, 'transient' as const), { nil: undefined }),
};
const attempts = fc.integer({ min: 1, max: 100 });
const schedulePolicy = fc.record({
  max_attempts: attempts,
  schedule_seconds: fc.array(seconds, { minLength: 1, maxLength: 100 }),
  ...options,
});
const exponentialPolicy = fc
  .record({
    max_attempts: attempts,
    initial_seconds: seconds,
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    max_seconds: seconds,
    ...options,
  })
  .map((policy) => ({ ...policy, max_seconds: Math.max(policy.max_seconds, policy.initial_seconds) }));
const presetPolicy = fc.record({
  preset: fc.constantFrom('quick' as const, 'standard' as const, 'long' as const),
  ...options,
});
const anyPolicy: fc.Arbitrary<RetryPolicy> = fc.oneof(schedulePolicy, exponentialPolicy, presetPolicy);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function waits(policy: RetryPolicy | null, randomValue = 0): number[] {
  const resolved = resolveRetryPolicy(policy, null, null);
  return Array.from({ length: resolved.maxAttempts }, (_, index) =>
    waitMsBefore(resolved, index + 1, { random: () => randomValue }),
  );
}

function fieldsRefused(value: unknown): string[] {
  const result = validateRetryPolicy(value);
  return result.ok ? [] : result.errors.map((error) => error.field);
}

describe('the wait before an attempt', () => {
  it('follows the presets', () => {
    expect(waits({ preset: 'quick' })).toEqual([0, 1, 2, 4, 8, 16, 32].map((s) => s * 1000));
    expect(waits({ preset: 'standard' })).toEqual([0, 2, 4, 8, 16].map((s) => s * 1000));
    expect(waits({ preset: 'long' })).toEqual(
      [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400].map((s) => s * 1000),
    );
  });

  it('follows a schedule, whose last entry repeats', () => {
    expect(waits({ max_attempts: 5, schedule_seconds: [3, 10, 0.5] })).toEqual([3000, 10_000, 500, 500, 500]);
    expect(waits({ max_attempts: 2, schedule_seconds: [0, 1, 2] })).toEqual([0, 1000]);
  });

  it('grows by the factor up to the maximum, after a first attempt at once', () => {
    expect(waits({ max_attempts: 6, initial_seconds: 2, factor: 3, max_seconds: 30 })).toEqual(
      [0, 2, 6, 18, 30, 30].map((s) => s * 1000),
    );
  });

  it('is spread upwards by a quarter of itself unless the policy says otherwise', () => {
    expect(waits({ max_attempts: 1, schedule_seconds: [100] }, 0.5)).toEqual([112_500]);
    expect(waits({ max_attempts: 1, schedule_seconds: [100], jitter: 1 }, 0.5)).toEqual([150_000]);
    expect(waits({ max_attempts: 1, schedule_seconds: [100], jitter: 0 }, 0.5)).toEqual([100_000]);
  });

  it('is the later of the policy and Retry-After, and that is cut to an hour', () => {
    const policy = resolveRetryPolicy({ max_attempts: 2, schedule_seconds: [10], jitter: 0 }, null, null);
    const wait = (retryAfterSeconds: number | null): number =>
      waitMsBefore(policy, 2, { retryAfterSeconds, random: Math.random });
    expect(wait(null)).toBe(10_000);
    expect(wait(3)).toBe(10_000);
    expect(wait(60)).toBe(60_000);
    expect(wait(1e9)).toBe(3_600_000);
    expect(wait(-5)).toBe(10_000);
  });

  it('is a whole number of milliseconds between the base and the base plus its jitter, for any valid policy', () => {
    fc.assert(
      fc.property(anyPolicy, attempts, random, (policy, attempt, randomValue) => {
        expect(validateRetryPolicy(policy)).toMatchObject({ ok: true });
        const resolved = resolveRetryPolicy(policy, null, null);
        const baseMs = resolved.baseSeconds(attempt) * 1000;
        const wait = waitMsBefore(resolved, attempt, { random: () => randomValue });
        expect(Number.isSafeInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(baseMs);
        // The base is rounded up to a millisecond before it is spread.
        expect(wait).toBeLessThanOrEqual((baseMs + 1) * (1 + resolved.jitter));
      }),
    );
  });

  it('never shrinks from one attempt to the next when it grows exponentially', () => {
    fc.assert(
      fc.property(exponentialPolicy, (policy) => {
        const bases = Array.from({ length: 100 }, (_, index) =>
          resolveRetryPolicy(policy, null, null).baseSeconds(index + 1),
        );
        expect(bases[0]).toBe(0);
        expect(bases).toEqual([...bases].sort((a, b) => a - b));
        expect(Math.max(...bases)).toBeLessThanOrEqual(policy.max_seconds);
      }),
    );
  });
});

describe('the policy in force', () => {
  it('is the endpoint’s, else the tenant’s, else the system’s, else quick', () => {
    const ofLength = (max_attempts: number): RetryPolicy => ({ max_attempts, schedule_seconds: [0] });
    const [endpoint, tenant, system] = [ofLength(1), ofLength(2), ofLength(3)];
    expect(resolveRetryPolicy(endpoint, tenant, system).maxAttempts).toBe(1);
    expect(resolveRetryPolicy(null, tenant, system).maxAttempts).toBe(2);
    expect(resolveRetryPolicy(null, null, system).maxAttempts).toBe(3);
    expect(resolveRetryPolicy(null, null, null)).toMatchObject({ maxAttempts: 7, jitter: 0.25, retryOn: 'any' });
  });

  it('keeps the options that a preset is given', () => {
    const policy = resolveRetryPolicy({ preset: 'standard', jitter: 0.5, retry_on: 'transient' }, null, null);
    expect(policy).toMatchObject({ maxAttempts: 5, jitter: 0.5, retryOn: 'transient' });
  });
});

describe('a failed attempt', () => {
  const retried = (retryOn: 'any' | 'transient', statusCode: number | null, addressRefused = false): boolean =>
    isRetryable({ retryOn }, { statusCode, addressRefused });

  it.each([null, 408, 425, 429, 500, 502, 503, 599])('with %s is tried again under either rule', (statusCode) => {
    expect(retried('any', statusCode)).toBe(true);
    expect(retried('transient', statusCode)).toBe(true);
  });

  it.each([301, 307, 400, 401, 404, 409, 422])('with %s is tried again only under "any"', (statusCode) => {
    expect(retried('any', statusCode)).toBe(true);
    expect(retried('transient', statusCode)).toBe(false);
  });

  it('is never tried again after a 410 or a refused address, and a success is none', () => {
    for (const retryOn of ['any', 'transient'] as const) {
      expect(retried(retryOn, 410)).toBe(false);
      expect(retried(retryOn, null, true)).toBe(false);
      expect(retried(retryOn, 204)).toBe(false);
    }
  });
});

describe('a retry policy from outside', () => {
  it.each<RetryPolicy>([
    { preset: 'long' },
    { preset: 'quick', jitter: 0, retry_on: 'any' },
    { max_attempts: 1, schedule_seconds: [0] },
    { max_attempts: 100, schedule_seconds: Array.from({ length: 100 }, () => 604_800), jitter: 1 },
    { max_attempts: 3, initial_seconds: 0, factor: 1, max_seconds: 0, retry_on: 'transient' },
  ])('is taken as it is: %j', (policy) => {
    expect(validateRetryPolicy(policy)).toEqual({ ok: true, policy });
  });

  it('may leave options undefined', () => {
    const policy = { preset: 'quick' };
    expect(validateRetryPolicy({ ...policy, jitter: undefined, schedule_seconds: undefined })).toEqual({
      ok: true,
      policy,
    });
  });

  it.each([
    [null, ['retry_policy']],
    ['quick', ['retry_policy']],
    [[], ['retry_policy']],
    [{}, ['retry_policy.max_attempts', 'retry_policy.schedule_seconds']],
    [{ preset: 'slow' }, ['retry_policy.preset']],
    [{ preset: 'toString' }, ['retry_policy.preset']],
    [{ preset: 'quick', max_attempts: 3 }, ['retry_policy.max_attempts']],
    [{ preset: 'quick', jitter: 1.1 }, ['retry_policy.jitter']],
    [{ preset: 'quick', jitter: null }, ['retry_policy.jitter']],
    [{ preset: 'quick', retry_on: 'never' }, ['retry_policy.retry_on']],
    [{ preset: 'quick', typo: 1 }, ['retry_policy.typo']],
    [JSON.parse('{"preset":"quick","__proto__":{}}'), ['retry_policy.__proto__']],
    [{ max_attempts: 0, schedule_seconds: [1] }, ['retry_policy.max_attempts']],
    [{ max_attempts: 101, schedule_seconds: [1] }, ['retry_policy.max_attempts']],
    [{ max_attempts: 2.5, schedule_seconds: [1] }, ['retry_policy.max_attempts']],
    [{ max_attempts: '3', schedule_seconds: [1] }, ['retry_policy.max_attempts']],
    [{ max_attempts: 3, schedule_seconds: [] }, ['retry_policy.schedule_seconds']],
    [{ max_attempts: 3, schedule_seconds: 5 }, ['retry_policy.schedule_seconds']],
    [{ max_attempts: 3, schedule_seconds: new Array(101).fill(1) }, ['retry_policy.schedule_seconds']],
    [
      { max_attempts: 3, schedule_seconds: [1, -1, NaN] },
      ['retry_policy.schedule_seconds[1]', 'retry_policy.schedule_seconds[2]'],
    ],
    [{ max_attempts: 3, schedule_seconds: [604_801] }, ['retry_policy.schedule_seconds[0]']],
    [{ max_attempts: 3, schedule_seconds: [Infinity] }, ['retry_policy.schedule_seconds[0]']],
    [{ max_attempts: 3, schedule_seconds: [1], factor: 2 }, ['retry_policy.factor']],
    [{ max_attempts: 3, initial_seconds: 1, factor: 0.5, max_seconds: 9 }, ['retry_policy.factor']],
    [{ max_attempts: 3, initial_seconds: 1, factor: 11, max_seconds: 9 }, ['retry_policy.factor']],
    [{ max_attempts: 3, initial_seconds: 10, factor: 2, max_seconds: 9 }, ['retry_policy.max_seconds']],
    [{ max_attempts: 3, initial_seconds: 10 }, ['retry_policy.factor', 'retry_policy.max_seconds']],
  ])('is refused: %j', (value: unknown, fields: string[]) => {
    expect(fieldsRefused(value)).toEqual(fields);
  });

  it('names its fields under the path it is given', () => {
    const result = validateRetryPolicy({ preset: 1 }, 'DEFAULT_RETRY_POLICY');
    expect(result).toMatchObject({ ok: false, errors: [{ field: 'DEFAULT_RETRY_POLICY.preset' }] });
  });

  it('with a hundred thousand unknown keys gets a short answer at once', () => {
    const hostile = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`x${index}`, 1]));
    expect(fieldsRefused(hostile)).toHaveLength(20);
  });
});

import type { RetryPolicy } from '../deliveries/retry-policy.js';
import { resolveRetryPolicy } from '../deliveries/retry-policy.js';
import type { AttemptResult } from '../sending/attempt-sender.js';
import type { LoadedDelivery } from './load.query.js';
import { outcomeOfAttempt, outcomeWithoutAttempt, type Outcome } from './outcome.js';

const HOUR_MS = 3_600_000;

const delivery = (values: Partial<LoadedDelivery> = {}): LoadedDelivery =>
  ({
    attempts: 0,
    age_ms: 1_000,
    settled_status: null,
    payload: '{}',
    url: 'https://hooks.example.com/',
    is_active: true,
    disabled_reason: null,
    tenant_status: 'active',
    ...values,
  }) as LoadedDelivery;

const dead = (reason: string, disableEndpoint = false): object => ({ kind: 'dead_letter', reason, disableEndpoint });

describe('without an attempt', () => {
  const decide = (values: Partial<LoadedDelivery>): Outcome | null => outcomeWithoutAttempt(delivery(values), HOUR_MS);

  it('a delivery that nothing stands against is sent', () => {
    expect(decide({})).toBeNull();
    expect(decide({ age_ms: HOUR_MS })).toBeNull();
  });

  it.each<[string, Partial<LoadedDelivery>, object]>([
    ['endpoint was deleted', { url: null, is_active: false }, { kind: 'cancelled' }],
    ['tenant was deleted', { tenant_status: null }, { kind: 'cancelled' }],
    ['event is gone', { payload: null }, { kind: 'cancelled' }],
    ['time is over', { age_ms: HOUR_MS + 1 }, dead('expired')],
    ['endpoint a person disabled', { is_active: false }, { kind: 'held', by: 'disabled', waitMs: null }],
    ['endpoint answered 410', { is_active: false, disabled_reason: 'gone' }, dead('gone')],
    ['endpoint failed for days', { is_active: false, disabled_reason: 'failing' }, dead('endpoint_disabled')],
    ['tenant is suspended', { tenant_status: 'suspended' }, { kind: 'held', by: 'suspended', waitMs: null }],
  ])('one whose %s is settled or held', (_what, values, outcome) => {
    expect(decide(values)).toEqual(outcome);
  });

  it('what cannot be sent any more goes before what may only wait', () => {
    const held = { is_active: false, tenant_status: 'suspended' } as const;
    expect(decide({ ...held, age_ms: 2 * HOUR_MS })).toEqual(dead('expired'));
    expect(decide({ ...held, age_ms: 2 * HOUR_MS, url: null })).toEqual({ kind: 'cancelled' });
    expect(decide(held)).toMatchObject({ by: 'disabled' });
  });

  it('a manual attempt is made however old the delivery is, and leaves its status where it cannot be made', () => {
    const manual = { settled_status: 'succeeded', age_ms: 2 * HOUR_MS } as const;
    expect(decide(manual)).toBeNull();
    expect(decide({ ...manual, is_active: false, disabled_reason: 'gone' })).toEqual({
      kind: 'restored',
      status: 'succeeded',
      disableEndpoint: false,
    });
  });
});

describe('after an attempt', () => {
  const POLICY: RetryPolicy = { max_attempts: 3, schedule_seconds: [0, 10, 20], jitter: 0.5 };
  const TRANSIENT: RetryPolicy = { ...POLICY, retry_on: 'transient' };

  const result = (values: Partial<AttemptResult>): AttemptResult => ({
    outcome: 'failed',
    statusCode: 500,
    error: { code: 'http_status', message: 'HTTP 500' },
    responseHeaders: {},
    responseBody: '',
    responseTruncated: false,
    retryAfterSeconds: null,
    durationMs: 1,
    ...values,
  });
  const refused = result({ statusCode: null, error: { code: 'address_refused', message: 'address refused' } });
  const timeout = result({ statusCode: null, error: { code: 'timeout', message: 'timeout' } });

  const decide = (values: Partial<LoadedDelivery>, of: AttemptResult, policy = POLICY, random = 0): Outcome =>
    outcomeOfAttempt(delivery(values), resolveRetryPolicy(policy, null, null), of, () => random);

  it('a success succeeds, a manual one too', () => {
    const success = result({ outcome: 'succeeded', statusCode: 204, error: null });
    expect(decide({ attempts: 2 }, success)).toEqual({ kind: 'succeeded' });
    expect(decide({ settled_status: 'dead_letter' }, success)).toEqual({ kind: 'succeeded' });
  });

  it('a failure is tried again after the wait of the next attempt, spread upwards', () => {
    expect(decide({ attempts: 0 }, result({}))).toEqual({ kind: 'retry', waitMs: 10_000 });
    expect(decide({ attempts: 1 }, timeout)).toEqual({ kind: 'retry', waitMs: 20_000 });
    expect(decide({ attempts: 0 }, result({}), POLICY, 0.5)).toEqual({ kind: 'retry', waitMs: 12_500 });
  });

  it('a receiver may ask for a later attempt, not for an earlier one', () => {
    expect(decide({}, result({ retryAfterSeconds: 30 }))).toEqual({ kind: 'retry', waitMs: 30_000 });
    expect(decide({}, result({ retryAfterSeconds: 1 }))).toEqual({ kind: 'retry', waitMs: 10_000 });
  });

  it('the last failure makes a dead letter, counted by the policy in force', () => {
    expect(decide({ attempts: 1 }, result({}))).toMatchObject({ kind: 'retry' });
    expect(decide({ attempts: 2 }, result({}))).toEqual(dead('attempts_exhausted'));
    expect(decide({ attempts: 6 }, result({}))).toEqual(dead('attempts_exhausted'));
  });

  it('410 ends it at once and disables the endpoint', () => {
    expect(decide({}, result({ statusCode: 410 }))).toEqual(dead('gone', true));
  });

  it('an address that is refused is not tried again', () => {
    expect(decide({}, refused)).toEqual(dead('address_refused'));
  });

  it.each([400, 404, 301, 501])('with `any`, %d is tried again', (statusCode) => {
    expect(decide({}, result({ statusCode }))).toMatchObject({ kind: 'retry' });
  });

  it('with `transient`, only what is likely to pass is tried again', () => {
    for (const statusCode of [408, 425, 429, 500, 503]) {
      expect(decide({}, result({ statusCode }), TRANSIENT)).toMatchObject({ kind: 'retry' });
    }
    expect(decide({}, timeout, TRANSIENT)).toMatchObject({ kind: 'retry' });
    for (const statusCode of [400, 401, 404, 422]) {
      expect(decide({}, result({ statusCode }), TRANSIENT)).toEqual(dead('attempts_exhausted'));
    }
  });

  it.each<[string, AttemptResult, boolean]>([
    ['any failure', result({}), false],
    ['410', result({ statusCode: 410 }), true],
    ['a refused address', refused, false],
  ])('a manual attempt is one attempt: after %s the delivery keeps the status it had', (_what, of, disableEndpoint) => {
    expect(decide({ settled_status: 'dead_letter' }, of)).toEqual({
      kind: 'restored',
      status: 'dead_letter',
      disableEndpoint,
    });
  });
});

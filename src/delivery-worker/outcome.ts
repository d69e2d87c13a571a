import type { DeadLetterReason } from '../dead-letters/dead-letter.entity.js';
import type { DeliveryStatus, HoldReason } from '../deliveries/delivery.entity.js';
import { isRetryable, waitMsBefore, type ResolvedRetryPolicy } from '../deliveries/retry-policy.js';
import type { AttemptResult } from '../sending/attempt-sender.js';
import type { LoadedDelivery } from './load.query.js';

/** What becomes of a delivery. */
export type Outcome =
  | { kind: 'succeeded' }
  | { kind: 'retry'; waitMs: number }
  | { kind: 'dead_letter'; reason: DeadLetterReason; disableEndpoint: boolean }
  | { kind: 'cancelled' }
  /** Spends no attempt. `waitMs` null: until whatever holds it lets it go. */
  | { kind: 'held'; by: HoldReason; waitMs: number | null; tokensBooked?: boolean }
  /** A manual attempt failed on a delivery that had been settled: it keeps the status it had. */
  | { kind: 'restored'; status: DeliveryStatus; disableEndpoint: boolean };

export const GONE = 410;

const REASON_OF_DISABLED: Readonly<Record<string, DeadLetterReason>> = { gone: 'gone' };

/**
 * What to do with a delivery instead of sending it, or null when it is to be sent. The order is that of the blueprint's
 * section 7.
 */
export function outcomeWithoutAttempt(delivery: LoadedDelivery, maxAgeMs: number): Outcome | null {
  if (delivery.tenant_status === null || delivery.url === null || delivery.payload === null)
    return { kind: 'cancelled' };
  if (delivery.age_ms > maxAgeMs && delivery.settled_status === null) return settle(delivery, 'expired');
  if (!delivery.is_active) {
    // A person may enable it again; what Posthaste disabled has failed for good, and nobody's events vanish.
    if (delivery.disabled_reason === null) return { kind: 'held', by: 'disabled', waitMs: null };
    return settle(delivery, REASON_OF_DISABLED[delivery.disabled_reason] ?? 'endpoint_disabled');
  }
  if (delivery.tenant_status === 'suspended') return { kind: 'held', by: 'suspended', waitMs: null };
  return null;
}

/** What an attempt's result means for its delivery. */
export function outcomeOfAttempt(
  delivery: LoadedDelivery,
  policy: ResolvedRetryPolicy,
  result: AttemptResult,
  random: () => number,
): Outcome {
  if (result.outcome === 'succeeded') return { kind: 'succeeded' };
  const addressRefused = result.error?.code === 'address_refused';
  if (result.statusCode === GONE) return settle(delivery, 'gone', true);
  const attempt = delivery.attempts + 1;
  if (addressRefused) return settle(delivery, 'address_refused');
  if (delivery.settled_status !== null) return settle(delivery, 'attempts_exhausted');
  const retryable = isRetryable(policy, { statusCode: result.statusCode, addressRefused });
  if (!retryable || attempt >= policy.maxAttempts) return settle(delivery, 'attempts_exhausted');
  return {
    kind: 'retry',
    waitMs: waitMsBefore(policy, attempt + 1, { retryAfterSeconds: result.retryAfterSeconds, random }),
  };
}

/** A manual attempt on a settled delivery makes no second dead letter: the delivery gets its status back. */
function settle({ settled_status }: LoadedDelivery, reason: DeadLetterReason, disableEndpoint = false): Outcome {
  if (settled_status !== null) return { kind: 'restored', status: settled_status, disableEndpoint };
  return { kind: 'dead_letter', reason, disableEndpoint };
}

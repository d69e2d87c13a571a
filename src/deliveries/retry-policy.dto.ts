import type { ApiPropertyOptions } from '@nestjs/swagger';
import { validationFailed } from '../common/domain-error.js';
import type { RetryPolicy } from './retry-policy.js';
import { validateRetryPolicy } from './validate-retry-policy.js';

/** How `retry_policy` is documented, wherever it occurs. */
export const RETRY_POLICY_PROPERTY = {
  type: 'object',
  additionalProperties: true,
  nullable: true,
  description:
    'One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or ' +
    '`{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and ' +
    '`retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).',
  example: { preset: 'standard' },
} as const satisfies ApiPropertyOptions;

/**
 * The policy of a request: undefined when absent, null when it is to be cleared.
 * @throws DomainError `validation_failed` with an error for each bad field of the policy
 */
export function readRetryPolicy(value: unknown): RetryPolicy | null | undefined {
  if (value === undefined || value === null) return value;
  const result = validateRetryPolicy(value);
  if (!result.ok) throw validationFailed([...result.errors]);
  return result.policy;
}

/** The waits before each attempt that a policy gives, in seconds and without jitter, as src/deliveries/retry-policy.ts has them. */
export type ChosenPolicy =
  { kind: 'inherited' } | { kind: 'preset'; preset: keyof typeof PRESETS } | { kind: 'schedule'; waits: number[] };

const MINUTE = 60;
const HOUR = 3_600;
export const PRESETS = {
  quick: [0, 1, 2, 4, 8, 16, 32],
  standard: [0, 2, 4, 8, 16],
  long: [0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
} as const;

export function policyOf(stored: Record<string, unknown> | null): ChosenPolicy | null {
  if (stored === null) return { kind: 'inherited' };
  const { preset, schedule_seconds: schedule, max_attempts: max } = stored;
  if (typeof preset === 'string' && preset in PRESETS)
    return { kind: 'preset', preset: preset as keyof typeof PRESETS };
  const isPlain = Object.keys(stored).every((name) => name === 'schedule_seconds' || name === 'max_attempts');
  if (!isPlain || !Array.isArray(schedule) || typeof max !== 'number') return null;
  const waits = schedule as number[];
  return {
    kind: 'schedule',
    waits: Array.from({ length: max }, (_, index) => waits[Math.min(index, waits.length - 1)] ?? 0),
  };
}

export function toRequest(policy: ChosenPolicy): Record<string, unknown> | null {
  if (policy.kind === 'inherited') return null;
  if (policy.kind === 'preset') return { preset: policy.preset };
  return { max_attempts: policy.waits.length, schedule_seconds: policy.waits };
}

/** Null where they are the tenant's or the installation's, which are not known here. */
export function waitsOf(policy: ChosenPolicy): readonly number[] | null {
  if (policy.kind === 'inherited') return null;
  return policy.kind === 'preset' ? PRESETS[policy.preset] : policy.waits;
}

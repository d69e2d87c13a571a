import { formatDuration } from '@/lib/format';
import { policyOf, PRESETS } from '@/lib/retry-schedule';

type Preset = keyof typeof PRESETS;
/** `other`: one that only the API can set. */
export type PresetChoice = 'inherited' | Preset | 'other';

export function presetOf(stored: Record<string, unknown> | null): PresetChoice {
  const policy = policyOf(stored);
  if (policy?.kind === 'inherited') return 'inherited';
  return policy?.kind === 'preset' ? policy.preset : 'other';
}

export const PRESET_TEXTS: Record<PresetChoice, string> = {
  inherited: 'As the installation has them',
  quick: textOf('quick'),
  standard: textOf('standard'),
  long: textOf('long'),
  other: 'As set by the API',
};

function textOf(preset: Preset): string {
  const waits = PRESETS[preset];
  const seconds = waits.reduce<number>((sum, wait) => sum + wait, 0);
  return `${waits.length} attempts within ${formatDuration(seconds * 1_000)}`;
}

import type { ReactNode } from 'react';
import { classNames } from '@/lib/class-names';

const TONES = {
  good: ['bg-good-soft text-good', 'bg-good-mark'],
  warn: ['bg-warn-soft text-warn', 'bg-warn-mark'],
  bad: ['bg-bad-soft text-bad', 'bg-bad-mark'],
  accent: ['bg-accent-soft text-accent', 'bg-accent'],
  neutral: ['bg-sunken text-ink-soft', 'bg-ink-faint'],
} as const;
export type Tone = keyof typeof TONES;

export function Badge({ tone = 'neutral', children }: { tone?: Tone; children: ReactNode }) {
  const [looks, mark] = TONES[tone];
  return (
    <span
      className={classNames(
        'inline-flex items-center gap-1.5 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap',
        looks,
      )}
    >
      <span aria-hidden className={classNames('size-1.5 rounded-full', mark)} />
      {children}
    </span>
  );
}

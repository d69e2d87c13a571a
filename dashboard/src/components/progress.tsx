import type { ReactNode } from 'react';

interface ProgressProps {
  label: string;
  done: number;
  /** Undefined: not known beforehand. */
  total?: number;
  /** The same in words. */
  children: ReactNode;
}

export function Progress({ label, done, total, children }: ProgressProps) {
  return (
    <div className="flex flex-col gap-2">
      <progress
        aria-label={label}
        {...(total === undefined ? {} : { max: Math.max(total, 1), value: total === 0 ? 1 : Math.min(done, total) })}
        className="h-2 w-full accent-accent"
      />
      <p role="status" className="text-ink-soft tabular-nums">
        {children}
      </p>
    </div>
  );
}

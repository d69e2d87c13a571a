import { useId, type ReactNode } from 'react';
import { CopyButton } from './code-block';

interface ShownOnceProps {
  /** What each is called, and what it is. */
  values: Record<string, string>;
  hint: ReactNode;
  /** What to do next. */
  children?: ReactNode;
}

/** Secrets just made, which nobody can ask for again. */
export function ShownOnce({ values, hint, children }: ShownOnceProps) {
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className="rounded-lg bg-warn-soft px-3 py-2 text-warn">
        {hint}
      </p>
      {Object.entries(values).map(([name, value]) => (
        <Secret key={name} name={name} value={value} />
      ))}
      {children !== undefined && <div className="flex flex-wrap gap-2">{children}</div>}
    </div>
  );
}

function Secret({ name, value }: { name: string; value: string }) {
  const id = useId();
  return (
    <div>
      <div className="mb-1 flex items-end justify-between gap-3">
        <span id={id} className="text-[0.8125rem] font-medium text-ink-soft">
          {name}
        </span>
        <CopyButton label="Copy" text={() => value} />
      </div>
      <output
        aria-labelledby={id}
        className="block rounded-lg border border-line bg-sunken px-3 py-2 font-mono text-xs break-all select-all"
      >
        {value}
      </output>
    </div>
  );
}

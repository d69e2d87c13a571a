import type { ComponentProps, ReactNode } from 'react';
import { classNames } from '@/lib/class-names';

export function Card({ className, ...props }: ComponentProps<'section'>) {
  return <section className={classNames('rounded-xl border border-line bg-surface', className)} {...props} />;
}

export function CardHeader({ title, hint, children }: { title: string; hint?: ReactNode; children?: ReactNode }) {
  return (
    <header className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 border-b border-line px-4 py-3 last:border-b-0 sm:px-5">
      <div>
        <h2 className="font-semibold">{title}</h2>
        {hint !== undefined && <p className="text-[0.8125rem] text-ink-faint">{hint}</p>}
      </div>
      {children}
    </header>
  );
}

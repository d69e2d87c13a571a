import { CircleAlert, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Problem } from '@/api/problem';
import { classNames } from '@/lib/class-names';
import { Button } from './button';

/** Where data will be. Appears after a moment only, so that what is quick doesn't flicker. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={classNames('appear-late rounded-md bg-line/70', className)} />;
}

export function Loading({ label = 'Loading', rows = 5 }: { label?: string; rows?: number }) {
  return (
    <div role="status" className="flex flex-col gap-3 p-5">
      <span className="sr-only">{label}</span>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} className="h-5" />
      ))}
    </div>
  );
}

interface EmptyStateProps {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
}

export function EmptyState({ icon: Icon, title, children }: EmptyStateProps) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      <span className="mb-1 rounded-full bg-sunken p-3 text-ink-faint">
        <Icon aria-hidden className="size-5" />
      </span>
      <p className="font-medium">{title}</p>
      {children !== undefined && <div className="max-w-md text-ink-faint">{children}</div>}
    </div>
  );
}

export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = Problem.from(error);
  return (
    <div role="alert" className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      <span className="mb-1 rounded-full bg-bad-soft p-3 text-bad">
        <CircleAlert aria-hidden className="size-5" />
      </span>
      <p className="font-medium">{problem.status === 404 ? 'Not found' : 'This could not be loaded'}</p>
      <p className="max-w-md text-ink-faint">{problem.message}</p>
      {problem.requestId !== null && <p className="font-mono text-xs text-ink-faint">Request {problem.requestId}</p>}
      {onRetry !== undefined && (
        <Button className="mt-2" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

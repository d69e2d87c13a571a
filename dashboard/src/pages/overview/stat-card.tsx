import { Link } from 'react-router';
import { Skeleton } from '@/components/ui/states';
import { classNames } from '@/lib/class-names';

interface StatCardProps {
  name: string;
  /** Undefined while it is loading. */
  value: string | undefined;
  hint: string;
  tone?: 'warn' | 'bad' | undefined;
  /** Where more is told. */
  to?: string;
}

export function StatCard({ name, value, hint, tone, to }: StatCardProps) {
  return (
    <div className="relative rounded-xl border border-line bg-surface px-4 py-3.5 has-[a]:hover:border-line-strong">
      <dt className="text-[0.8125rem] text-ink-soft">
        {to === undefined ? (
          name
        ) : (
          <Link to={to} className="after:absolute after:inset-0 after:rounded-xl">
            {name}
          </Link>
        )}
      </dt>
      <dd>
        {value === undefined ? (
          <Skeleton className="my-1 h-7 w-16" />
        ) : (
          <span
            className={classNames(
              'block text-2xl leading-9 font-semibold tracking-tight tabular-nums',
              tone === 'warn' && 'text-warn',
              tone === 'bad' && 'text-bad',
            )}
          >
            {value}
          </span>
        )}
        <span className="block text-xs text-ink-faint">{hint}</span>
      </dd>
    </div>
  );
}

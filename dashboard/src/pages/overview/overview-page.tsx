import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { useSearchParams } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { Page } from '@/components/page';
import { Card, CardHeader } from '@/components/ui/card';
import { ErrorState, Skeleton } from '@/components/ui/states';
import { classNames } from '@/lib/class-names';
import { formatCount, formatDuration, formatShare } from '@/lib/format';
import { useSession } from '@/session/session';
import { FailingEndpoints } from './failing-endpoints';
import { StatCard } from './stat-card';

const ThroughputChart = lazy(() => import('@/components/throughput-chart'));

type Stats = Schemas['StatsDto'];
type Window = Stats['window'];

const WINDOWS: Record<Window, string> = { '1h': '1 hour', '24h': '24 hours', '7d': '7 days' };
const REFRESH_MS = 5_000;

export function Component() {
  const [search, setSearch] = useSearchParams();
  const asked = search.get('window');
  const window: Window = asked !== null && asked in WINDOWS ? (asked as Window) : '24h';
  const { can } = useSession();
  const stats = useQuery({
    queryKey: ['stats', window],
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
    queryFn: () => dataOf(api.GET('/api/v1/stats', { params: { query: { window } } })),
  });
  return (
    <Page
      title="Overview"
      actions={
        <div role="group" aria-label="Window" className="flex rounded-lg border border-line bg-surface p-0.5">
          {Object.entries(WINDOWS).map(([value, text]) => (
            <button
              key={value}
              type="button"
              aria-pressed={value === window}
              onClick={() => setSearch({ window: value }, { replace: true })}
              className={classNames(
                'rounded-md px-3 py-1.5 text-[0.8125rem] font-medium',
                value === window ? 'bg-accent-soft text-accent' : 'text-ink-soft hover:text-ink',
              )}
            >
              {text}
            </button>
          ))}
        </div>
      }
    >
      {stats.data === undefined && stats.error !== null ? (
        <Card>
          <ErrorState error={stats.error} onRetry={() => void stats.refetch()} />
        </Card>
      ) : (
        <>
          <Figures stats={stats.data} />
          <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_20rem]">
            <Throughput stats={stats.data} />
            <Latency stats={stats.data} />
          </div>
          {can('endpoints:read') && <FailingEndpoints />}
        </>
      )}
    </Page>
  );
}

function Figures({ stats }: { stats: Stats | undefined }) {
  const rate = stats?.success_rate ?? null;
  const letters = stats?.deliveries.dead_letter ?? 0;
  const pending = stats?.deliveries.pending ?? 0;
  return (
    <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3 sm:gap-4 xl:grid-cols-6">
      <StatCard name="Events" value={stats && formatCount(stats.events)} hint="accepted" />
      <StatCard name="Delivered" value={stats && formatCount(stats.deliveries.succeeded)} hint="deliveries" />
      <StatCard
        name="Success rate"
        value={stats && formatShare(rate)}
        hint="of attempts"
        tone={rate === null || rate >= 0.95 ? undefined : rate >= 0.8 ? 'warn' : 'bad'}
      />
      <StatCard
        name="In retry"
        value={stats && formatCount(pending)}
        hint="pending now"
        to="/deliveries?status=pending"
        tone={pending > 0 ? 'warn' : undefined}
      />
      <StatCard
        name="Dead letters"
        value={stats && formatCount(letters)}
        hint="given up"
        to="/dead-letters"
        tone={letters > 0 ? 'bad' : undefined}
      />
      <StatCard name="p95 latency" value={stats && formatDuration(stats.latency_ms.p95)} hint="of attempts" />
    </dl>
  );
}

function Throughput({ stats }: { stats: Stats | undefined }) {
  return (
    <Card className="min-w-0">
      <CardHeader title="Attempts">
        <span className="flex gap-4 text-[0.8125rem] text-ink-soft">
          <span className="flex items-center gap-1.5">
            <span aria-hidden className="size-2.5 rounded-sm bg-good-mark" /> Delivered
          </span>
          <span className="flex items-center gap-1.5">
            <span aria-hidden className="size-2.5 rounded-sm bg-bad-mark" /> Failed
          </span>
        </span>
      </CardHeader>
      <div className="min-h-64 px-2 pt-2 pb-3 sm:px-3">
        {stats === undefined ? (
          <Skeleton className="m-3 h-54" />
        ) : (
          <Suspense fallback={<Skeleton className="m-3 h-54" />}>
            <ThroughputChart series={stats.series} />
            <p className="sr-only">
              {stats.attempts.succeeded} attempts succeeded and {stats.attempts.failed} failed in the last{' '}
              {WINDOWS[stats.window]}.
            </p>
          </Suspense>
        )}
      </div>
    </Card>
  );
}

function Latency({ stats }: { stats: Stats | undefined }) {
  const { p50 = null, p95 = null, p99 = null } = stats?.latency_ms ?? {};
  const most = Math.max(p50 ?? 0, p95 ?? 0, p99 ?? 0, 1);
  const rows = [
    ['p50', p50, 'half of the attempts'],
    ['p95', p95, '19 of 20'],
    ['p99', p99, '99 of 100'],
  ] as const;
  return (
    <Card className="xl:h-full">
      <CardHeader title="Latency" />
      <dl className="flex flex-col gap-5 p-4 sm:p-5">
        {rows.map(([name, ms, told]) => (
          <div key={name}>
            <dt>
              <span className="font-medium">{name}</span>{' '}
              <span className="text-[0.8125rem] text-ink-faint">{told} took at most</span>
            </dt>
            <dd className="font-medium tabular-nums">
              {stats === undefined ? '' : formatDuration(ms)}
              <span aria-hidden className="col-span-2 mt-2 block h-1.5 overflow-hidden rounded-full bg-sunken">
                {/* Short ones stay to be seen beside a long one. */}
                <span
                  className="block h-full rounded-full bg-accent transition-[width]"
                  style={{ width: ms === null ? 0 : `${Math.max(3, (ms / most) * 100)}%` }}
                />
              </span>
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

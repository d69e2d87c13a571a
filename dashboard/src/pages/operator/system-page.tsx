import { useQuery } from '@tanstack/react-query';
import { ExternalLink } from 'lucide-react';
import type { ReactNode } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { Page } from '@/components/page';
import { Time, useNow } from '@/components/time';
import { Badge } from '@/components/ui/badge';
import { Button } from '@/components/ui/button';
import { Card, CardHeader } from '@/components/ui/card';
import { ErrorState, Loading } from '@/components/ui/states';
import { formatCount, formatDuration } from '@/lib/format';

type System = Schemas['SystemDto'];

/** Counts end there. */
const COUNTED_AT_MOST = 10_000;
const LATE_MS = 60_000;

const HELD: Record<keyof System['deliveries']['held'], string> = {
  circuit: 'for an open circuit',
  rate_limit: 'for a rate limit',
  disabled: 'for a disabled endpoint',
  suspended: 'for a suspended tenant',
  fairness: 'for their turn',
};

const count = (number: number): string =>
  number >= COUNTED_AT_MOST ? `${formatCount(COUNTED_AT_MOST)} or more` : formatCount(number);

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Card className="px-4 py-3 sm:px-5">
      <p className="text-[0.8125rem] text-ink-faint">{label}</p>
      <div className="mt-1 text-lg font-semibold tabular-nums">{children}</div>
    </Card>
  );
}

export function Component() {
  const { data, error, refetch } = useQuery({
    queryKey: ['system'],
    refetchInterval: 3_000,
    queryFn: () => dataOf(api.GET('/api/v1/system')),
  });
  return (
    <Page
      title="System"
      hint={data === undefined ? undefined : `Posthaste ${data.version}, its queue on ${nameOf(data.backend)}.`}
      actions={
        <Button asChild>
          <a href="/queues">
            The queue's board <ExternalLink aria-hidden />
          </a>
        </Button>
      }
    >
      {data !== undefined && <Status system={data} />}
      {data === undefined && error === null && <Loading />}
      {data === undefined && error !== null && <ErrorState error={error} onRetry={() => void refetch()} />}
    </Page>
  );
}

const nameOf = (backend: System['backend']): string => (backend === 'redis' ? 'Redis' : 'PostgreSQL');

function Status({ system }: { system: System }) {
  const { queue, deliveries, workers } = system;
  const now = useNow(true);
  const oldest = deliveries.oldest_due_at === null ? null : now.getTime() - Date.parse(deliveries.oldest_due_at);
  const alive = workers.filter((worker) => worker.alive).length;
  const held = Object.entries(HELD).filter(([reason]) => deliveries.held[reason as keyof typeof HELD] > 0);
  return (
    <>
      <div className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Fact label="Workers alive">
          {alive === 0 ? <Badge tone="bad">None: nothing is delivered</Badge> : `${alive} of ${workers.length}`}
        </Fact>
        <Fact label="Oldest delivery that is due">
          {oldest === null ? (
            'None waits'
          ) : (
            <span className={oldest > LATE_MS ? 'text-bad' : ''}>{formatDuration(Math.max(0, oldest))}</span>
          )}
        </Fact>
        <Fact label="Jobs in the queue">
          {queue === null ? <Badge tone="bad">Its store is away</Badge> : count(queue.waiting + queue.active)}
        </Fact>
        <Fact label="Deliveries under way">{count(deliveries.leased)}</Fact>
      </div>
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <Card>
          <CardHeader title="What waits" />
          <dl className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-2 px-4 py-4 tabular-nums sm:px-5">
            <Row label="Due, and not in the queue yet" value={count(deliveries.due)} />
            <Row label="For the time of their next attempt" value={count(deliveries.scheduled)} />
            {held.map(([reason, label]) => (
              <Row
                key={reason}
                label={`Held back ${label}`}
                value={count(deliveries.held[reason as keyof typeof HELD])}
              />
            ))}
            {queue !== null && (
              <>
                <Row label="Jobs waiting" value={count(queue.waiting)} />
                <Row label="Jobs active" value={count(queue.active)} />
                <Row label="Jobs failed, of those still known" value={count(queue.failed)} />
              </>
            )}
          </dl>
        </Card>
        <Card>
          <CardHeader title="Workers" />
          <ul className="divide-y divide-line">
            {workers.length === 0 && <li className="px-5 py-4 text-ink-faint">No worker has been seen.</li>}
            {workers.map((worker) => (
              <li key={worker.id} className="flex flex-wrap items-center justify-between gap-3 px-4 py-3 sm:px-5">
                <span>
                  <span className="font-medium">{worker.host}</span>{' '}
                  <span className="text-ink-faint">
                    process {worker.pid}, {worker.version}, since <Time at={worker.started_at} />
                  </span>
                </span>
                {worker.alive ? (
                  <Badge tone="good">Alive</Badge>
                ) : (
                  <Badge tone="bad">
                    Last seen <Time at={worker.last_seen_at} relative />
                  </Badge>
                )}
              </li>
            ))}
          </ul>
        </Card>
      </div>
    </>
  );
}

function Row({ label, value }: { label: string; value: string }) {
  return (
    <>
      <dt className="text-ink-soft">{label}</dt>
      <dd className="text-right font-medium">{value}</dd>
    </>
  );
}

import { useQuery } from '@tanstack/react-query';
import { Waypoints } from 'lucide-react';
import { Link } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { EndpointName } from '@/components/endpoint-name';
import { Time } from '@/components/time';
import { Badge } from '@/components/ui/badge';
import { Card, CardHeader } from '@/components/ui/card';
import { EmptyState, ErrorState, Loading } from '@/components/ui/states';
import { formatCount, formatDuration, formatShare } from '@/lib/format';

type Health = Schemas['EndpointHealthDto'];

const REFRESH_MS = 5_000;
const SHOWN = 8;

/** Open circuits first, then by how much fails. */
function byTrouble(a: Health, b: Health): number {
  const rank = ({ circuit }: Health): number => ({ open: 0, half_open: 1, closed: 2 })[circuit.state];
  return rank(a) - rank(b) || (a.success_rate ?? 2) - (b.success_rate ?? 2);
}

export function FailingEndpoints() {
  const { data, error, refetch } = useQuery({
    queryKey: ['endpoints', 'health'],
    refetchInterval: REFRESH_MS,
    queryFn: () => dataOf(api.GET('/api/v1/endpoints/health', { params: { query: { limit: 200 } } })),
  });
  return (
    <Card>
      <CardHeader title="Endpoints" hint="In the last hour, failing ones first." />
      {data === undefined ? (
        error === null ? (
          <Loading rows={4} />
        ) : (
          <ErrorState error={error} onRetry={() => void refetch()} />
        )
      ) : data.data.length === 0 ? (
        <EmptyState icon={Waypoints} title="No endpoints yet">
          An endpoint is a URL that events are sent to.
        </EmptyState>
      ) : (
        <ul>
          {[...data.data]
            .sort(byTrouble)
            .slice(0, SHOWN)
            .map((health) => (
              <EndpointRow key={health.endpoint_id} health={health} />
            ))}
        </ul>
      )}
    </Card>
  );
}

function EndpointRow({ health }: { health: Health }) {
  const { endpoint_id: id, success_rate: rate, circuit } = health;
  return (
    <li className="relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 border-b border-line px-4 py-3 last:border-0 hover:bg-sunken sm:px-5 md:grid-cols-[minmax(0,1fr)_9rem_8rem_7rem_8rem]">
      <Link to={`/endpoints/${id}`} className="min-w-0 truncate font-medium after:absolute after:inset-0">
        <EndpointName id={id} />
      </Link>
      <span className="text-right md:text-left">
        <CircuitBadge health={health} />
      </span>
      <span className="text-[0.8125rem] text-ink-soft tabular-nums">
        {rate !== null && `${formatShare(rate)} succeeded`}
      </span>
      <span className="hidden text-[0.8125rem] text-ink-faint tabular-nums md:block">
        p95 {formatDuration(health.latency_ms.p95)}
      </span>
      <span className="text-right text-[0.8125rem] text-ink-faint tabular-nums">
        {circuit.next_probe_at === null ? (
          `${formatCount(health.pending)} pending`
        ) : (
          <>
            probe <Time at={circuit.next_probe_at} relative />
          </>
        )}
      </span>
    </li>
  );
}

function CircuitBadge({ health: { circuit, success_rate: rate } }: { health: Health }) {
  if (circuit.state === 'open') return <Badge tone="bad">Circuit open</Badge>;
  if (circuit.state === 'half_open') return <Badge tone="warn">Recovering</Badge>;
  if (rate === null) return <Badge>No attempts</Badge>;
  if (rate < 0.5) return <Badge tone="bad">Failing</Badge>;
  return rate < 0.95 ? <Badge tone="warn">Unsteady</Badge> : <Badge tone="good">Healthy</Badge>;
}

import { useQuery } from '@tanstack/react-query';
import { api, dataOf, type Schemas } from '@/api/client';
import { Time } from '@/components/time';
import { Card, CardHeader } from '@/components/ui/card';
import { ErrorState, Loading } from '@/components/ui/states';
import { formatDuration, formatExact, formatShare } from '@/lib/format';
import { EndpointState } from './endpoint-state';

const REFRESH_MS = 5_000;

/** How an endpoint fares. */
export function EndpointHealth({ endpoint }: { endpoint: Schemas['EndpointDto'] }) {
  const { id } = endpoint;
  const { data, error, refetch } = useQuery({
    queryKey: ['endpoint', id, 'health'],
    refetchInterval: REFRESH_MS,
    queryFn: () => dataOf(api.GET('/api/v1/endpoints/{id}/health', { params: { path: { id } } })),
  });
  return (
    <Card>
      <CardHeader title="How it goes" hint="Over the last hour.">
        {data !== undefined && <EndpointState endpoint={endpoint} health={data} />}
      </CardHeader>
      {data === undefined ? (
        error === null ? (
          <Loading rows={5} />
        ) : (
          <ErrorState error={error} onRetry={() => void refetch()} />
        )
      ) : (
        <dl className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-2 px-4 py-4 tabular-nums sm:px-5">
          <dt className="text-ink-soft">Attempts that succeeded</dt>
          <dd className="text-right font-medium">{formatShare(data.success_rate)}</dd>
          <dt className="text-ink-soft">Half of them answer within</dt>
          <dd className="text-right font-medium">{formatDuration(data.latency_ms.p50)}</dd>
          <dt className="text-ink-soft">95% answer within</dt>
          <dd className="text-right font-medium">{formatDuration(data.latency_ms.p95)}</dd>
          <dt className="text-ink-soft">Failures in a row</dt>
          <dd className="text-right font-medium">{formatExact(data.consecutive_failures)}</dd>
          <dt className="text-ink-soft">Deliveries that wait</dt>
          <dd className="text-right font-medium">{formatExact(data.pending)}</dd>
          {data.circuit.next_probe_at !== null && (
            <>
              <dt className="text-ink-soft">Next probe</dt>
              <dd className="text-right font-medium">
                <Time at={data.circuit.next_probe_at} relative />
              </dd>
            </>
          )}
        </dl>
      )}
    </Card>
  );
}

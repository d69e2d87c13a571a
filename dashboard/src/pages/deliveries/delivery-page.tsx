import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Ban, Hourglass, RotateCw } from 'lucide-react';
import { Link, useParams } from 'react-router';
import { api, dataOf } from '@/api/client';
import { DeliveryStatus } from '@/components/delivery-status';
import { EndpointName } from '@/components/endpoint-name';
import { Fact, Facts } from '@/components/facts';
import { Page } from '@/components/page';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Card, CardHeader } from '@/components/ui/card';
import { EmptyState, ErrorState, Loading } from '@/components/ui/states';
import { useToasts } from '@/components/ui/toasts';
import { useSession } from '@/session/session';
import { Timeline } from './timeline';

const POLL_MS = 1_500;

/** Follows the delivery closely while something may happen to it, and for a while after somebody did something. */
function useDelivery(id: string) {
  const params = { path: { id } };
  const delivery = useQuery({
    queryKey: ['delivery', id],
    queryFn: () => dataOf(api.GET('/api/v1/deliveries/{id}', { params })),
    refetchInterval: POLL_MS,
  });
  const attempts = useQuery({
    queryKey: ['delivery', id, 'attempts', delivery.data?.attempts, delivery.data?.status],
    enabled: delivery.data !== undefined,
    placeholderData: (before) => before,
    queryFn: () =>
      dataOf(api.GET('/api/v1/deliveries/{id}/attempts', { params: { ...params, query: { limit: 200 } } })),
  });
  return { delivery, attempts };
}

export function Component() {
  const { id = '' } = useParams();
  const { delivery, attempts } = useDelivery(id);
  const { data } = delivery;
  if (data === undefined) {
    return (
      <Page title="Delivery">
        <Card>{delivery.error === null ? <Loading /> : <ErrorState error={delivery.error} />}</Card>
      </Page>
    );
  }
  return (
    <Page
      title={data.event_type}
      hint={<span className="font-mono text-xs">{data.id}</span>}
      actions={<Actions id={id} status={data.status} />}
    >
      <Card aria-label="Delivery">
        <Facts>
          <Fact name="Status">
            <DeliveryStatus delivery={data} />
          </Fact>
          <Fact name="Endpoint">
            <EndpointName id={data.endpoint_id} />
          </Fact>
          <Fact name="Event">
            <Link
              to={`/events/${data.event_id}`}
              className="font-mono text-xs text-accent underline underline-offset-2"
            >
              {data.event_id}
            </Link>
          </Fact>
          <Fact name="Created">
            <Time at={data.created_at} />
          </Fact>
          <Fact name="Attempts">
            {data.attempts} of {data.max_attempts}
          </Fact>
          {data.completed_at !== null && (
            <Fact name="Settled">
              <Time at={data.completed_at} />
            </Fact>
          )}
          {data.next_attempt_at !== null && (
            <Fact name="Next attempt">
              <Time at={data.next_attempt_at} relative />
            </Fact>
          )}
        </Facts>
      </Card>
      <Card>
        <CardHeader title="Attempts" hint="What was sent, what came back, and how long it waited in between." />
        {attempts.data === undefined ? (
          attempts.error === null ? (
            <Loading />
          ) : (
            <ErrorState error={attempts.error} onRetry={() => void attempts.refetch()} />
          )
        ) : attempts.data.data.length === 0 && data.next_attempt_at === null && data.held_by === null ? (
          <EmptyState icon={Hourglass} title="No attempt was made yet" />
        ) : (
          <Timeline delivery={data} attempts={attempts.data.data} />
        )}
      </Card>
    </Page>
  );
}

function Actions({ id, status }: { id: string; status: string }) {
  const { can } = useSession();
  const { tell, tellProblem } = useToasts();
  const queries = useQueryClient();
  const settle = { onError: tellProblem, onSettled: () => queries.invalidateQueries({ queryKey: ['delivery', id] }) };
  const params = { path: { id } };
  const retry = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/deliveries/{id}/retry', { params })),
    onSuccess: () => tell('One more attempt is on its way.'),
    ...settle,
  });
  const cancel = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/deliveries/{id}/cancel', { params })),
    onSuccess: () => tell('Cancelled: no more attempts.'),
    ...settle,
  });
  if (!can('deliveries:write')) return null;
  const busy = retry.isPending || cancel.isPending;
  return (
    <>
      {status === 'pending' && (
        <Button kind="danger" disabled={busy} onClick={() => cancel.mutate()}>
          <Ban /> Cancel
        </Button>
      )}
      {status !== 'cancelled' && (
        <Button kind="primary" disabled={busy} onClick={() => retry.mutate()}>
          <RotateCw /> Retry now
        </Button>
      )}
    </>
  );
}

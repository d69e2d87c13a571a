import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Redo2, Send } from 'lucide-react';
import { Link, useParams } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { CodeBlock, CopyButton } from '@/components/code-block';
import { DeliveryStatus } from '@/components/delivery-status';
import { EndpointName } from '@/components/endpoint-name';
import { Fact, Facts } from '@/components/facts';
import { Page } from '@/components/page';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Card, CardHeader } from '@/components/ui/card';
import { EmptyState, ErrorState, Loading } from '@/components/ui/states';
import { useToasts } from '@/components/ui/toasts';
import { formatNumberOf } from '@/lib/format';
import { withPayloadText } from '@/lib/payload-text';
import { prettyJson } from '@/lib/pretty';
import { useSession } from '@/session/session';

const POLL_MS = 3_000;

export function Component() {
  const { id = '' } = useParams();
  const { data, error } = useQuery({
    queryKey: ['event', id],
    refetchInterval: POLL_MS,
    queryFn: async () =>
      withPayloadText<Schemas['EventDto']>(
        await dataOf(api.GET('/api/v1/events/{id}', { params: { path: { id } }, parseAs: 'text' })),
      ),
  });
  if (data === undefined) {
    return (
      <Page title="Event">
        <Card>{error === null ? <Loading /> : <ErrorState error={error} />}</Card>
      </Page>
    );
  }
  const payload = prettyJson(data.payloadText);
  return (
    <Page
      title={data.event_type}
      hint={<span className="font-mono text-xs">{data.id}</span>}
      actions={<Replay id={data.id} />}
    >
      <Card aria-label="Event">
        <Facts>
          <Fact name="Accepted">
            <Time at={data.created_at} />
          </Fact>
          <Fact name="Your id">{data.event_id ?? '–'}</Fact>
          <Fact name="Source">{data.source ?? '–'}</Fact>
        </Facts>
      </Card>
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <Card className="min-w-0">
          <CardHeader title="Deliveries" hint="One for each endpoint that wants it." />
          {data.deliveries.length === 0 ? (
            <EmptyState icon={Send} title="No endpoint wanted it" />
          ) : (
            <ul>
              {data.deliveries.map((delivery) => (
                <li
                  key={delivery.id}
                  className="relative flex flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line px-4 py-3 last:border-0 hover:bg-sunken sm:px-5"
                >
                  <Link to={`/deliveries/${delivery.id}`} className="min-w-0 after:absolute after:inset-0">
                    <EndpointName id={delivery.endpoint_id} />
                  </Link>
                  <span className="flex items-center gap-3 text-[0.8125rem] text-ink-faint">
                    {formatNumberOf(delivery.attempts, 'attempt')}
                    <DeliveryStatus delivery={{ ...delivery, held_by: null }} />
                  </span>
                </li>
              ))}
            </ul>
          )}
        </Card>
        <Card className="min-w-0">
          <CardHeader title="Payload">
            <CopyButton label="Copy" text={() => payload} />
          </CardHeader>
          <div className="p-4 sm:p-5">
            <CodeBlock label="Payload" text={payload} />
          </div>
        </Card>
      </div>
    </Page>
  );
}

function Replay({ id }: { id: string }) {
  const { can } = useSession();
  const { tell, tellProblem } = useToasts();
  const queries = useQueryClient();
  const replay = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/events/{id}/replay', { params: { path: { id } }, body: {} })),
    onSuccess: ({ deliveries }) =>
      tell(
        deliveries.length === 1 ? 'One fresh delivery was made.' : `${deliveries.length} fresh deliveries were made.`,
      ),
    onError: tellProblem,
    onSettled: () => queries.invalidateQueries({ queryKey: ['event', id] }),
  });
  if (!can('deliveries:write')) return null;
  return (
    <Button disabled={replay.isPending} onClick={() => replay.mutate()}>
      <Redo2 /> Deliver again
    </Button>
  );
}

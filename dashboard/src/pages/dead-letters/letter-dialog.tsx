import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { CodeBlock, CopyButton } from '@/components/code-block';
import { EndpointName } from '@/components/endpoint-name';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { ErrorState, Loading } from '@/components/ui/states';
import { formatNumberOf } from '@/lib/format';
import { withPayloadText } from '@/lib/payload-text';
import { prettyJson } from '@/lib/pretty';
import { REASONS } from './reasons';

interface LetterDialogProps {
  /** Null: closed. */
  id: string | null;
  onClose: () => void;
  onRetry?: ((id: string) => void) | undefined;
  onResolve?: ((id: string) => void) | undefined;
}

export function LetterDialog({ id, onClose, onRetry, onResolve }: LetterDialogProps) {
  const { data, error, refetch } = useQuery({
    queryKey: ['dead-letter', id],
    enabled: id !== null,
    queryFn: async () =>
      withPayloadText<Schemas['DeadLetterDto']>(
        await dataOf(api.GET('/api/v1/dead-letters/{id}', { params: { path: { id: id ?? '' } }, parseAs: 'text' })),
      ),
  });
  const act = (action: (id: string) => void): void => {
    if (id !== null) action(id);
    onClose();
  };
  return (
    <Dialog open={id !== null} onOpenChange={(open) => open || onClose()} title="Dead letter">
      {data === undefined ? (
        error === null ? (
          <Loading />
        ) : (
          <ErrorState error={error} onRetry={() => void refetch()} />
        )
      ) : (
        <div className="flex flex-col gap-4">
          <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5">
            <dt className="text-ink-faint">Event type</dt>
            <dd className="font-medium">{data.event_type}</dd>
            <dt className="text-ink-faint">Endpoint</dt>
            <dd>
              <EndpointName id={data.endpoint_id} />
            </dd>
            <dt className="text-ink-faint">Reason</dt>
            <dd>{REASONS[data.reason]}</dd>
            <dt className="text-ink-faint">Last answer</dt>
            <dd>
              {data.last_error ?? data.last_status_code ?? 'none'}, after {formatNumberOf(data.attempts, 'attempt')}
            </dd>
            <dt className="text-ink-faint">Given up</dt>
            <dd>
              <Time at={data.created_at} />
            </dd>
            {data.resolved_at !== null && (
              <>
                <dt className="text-ink-faint">Resolved</dt>
                <dd>
                  <Time at={data.resolved_at} />
                </dd>
              </>
            )}
          </dl>
          <div className="flex flex-col gap-2">
            <div className="flex items-center justify-between gap-2">
              <h3 className="font-medium">Payload</h3>
              <CopyButton label="Copy" text={() => prettyJson(data.payloadText)} />
            </div>
            <CodeBlock label="Payload" text={prettyJson(data.payloadText)} />
          </div>
          <div className="flex flex-wrap items-center gap-2">
            {data.resolved_at === null && onRetry !== undefined && (
              <Button kind="primary" onClick={() => act(onRetry)}>
                Retry
              </Button>
            )}
            {data.resolved_at === null && onResolve !== undefined && (
              <Button onClick={() => act(onResolve)}>Resolve</Button>
            )}
            <Button asChild kind="quiet">
              <Link to={`/deliveries/${data.delivery_id}`}>Its delivery</Link>
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

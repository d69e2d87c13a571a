import { useQuery, useQueryClient } from '@tanstack/react-query';
import { FlaskConical, Pencil, RotateCcw } from 'lucide-react';
import { useState } from 'react';
import { useParams } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { CodeBlock } from '@/components/code-block';
import { Page } from '@/components/page';
import { ReplayProgress } from '@/components/replay-progress';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Card, CardHeader } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { ErrorState, Loading } from '@/components/ui/states';
import { useToasts } from '@/components/ui/toasts';
import { formatDuration } from '@/lib/format';
import { prettyJson } from '@/lib/pretty';
import { policyOf, waitsOf } from '@/lib/retry-schedule';
import { useSession } from '@/session/session';
import { EndpointForm } from './endpoint-form';
import { EndpointHealth } from './endpoint-health';
import { HowToVerify } from './how-to-verify';
import { ReplayForm } from './replay-form';
import { SchedulePicture } from './schedule-picture';

type Attempt = Schemas['AttemptDto'];

/** The last one that was begun here. */
interface Replay {
  id: string;
  /** The page stays when it goes on to another endpoint. */
  endpointId: string;
  isRunning: boolean;
}

export function Component() {
  const { id = '' } = useParams();
  const { can } = useSession();
  const { tell, tellProblem } = useToasts();
  const queries = useQueryClient();
  const [dialog, setDialog] = useState<'edit' | 'replay' | null>(null);
  const [lastReplay, setReplay] = useState<Replay | null>(null);
  const replay = lastReplay?.endpointId === id ? lastReplay : null;
  const [tested, setTested] = useState<Attempt | null>(null);
  const [busy, setBusy] = useState(false);
  const path = { params: { path: { id } } };
  const { data, error, refetch } = useQuery({
    queryKey: ['endpoint', id],
    queryFn: () => dataOf(api.GET('/api/v1/endpoints/{id}', path)),
  });
  const refresh = (): void => {
    void queries.invalidateQueries({ queryKey: ['endpoint', id] });
    void queries.invalidateQueries({ queryKey: ['endpoints'] });
  };

  /** One that runs is shown until it is done, in the dialog or, when that is closed, on the page. */
  function openReplay(open: boolean): void {
    setDialog(open ? 'replay' : null);
    if (replay?.isRunning === false) setReplay(null);
  }

  async function act(action: () => Promise<unknown>, done?: string): Promise<void> {
    setBusy(true);
    try {
      await action();
      if (done !== undefined) tell(done);
      refresh();
    } catch (problem) {
      tellProblem(problem);
    } finally {
      setBusy(false);
    }
  }

  if (data === undefined) {
    return (
      <Page title="Endpoint">
        {error === null ? <Loading /> : <ErrorState error={error} onRetry={() => void refetch()} />}
      </Page>
    );
  }
  const policy = policyOf(data.retry_policy);
  const waits = policy === null ? null : waitsOf(policy);
  const isActive = !data.is_active;
  // Fields with a default are no more required than others: left out, they stay.
  const body = { is_active: isActive } as Schemas['UpdateEndpointDto'];
  const progress = replay !== null && (
    <ReplayProgress
      id={replay.id}
      onFinished={() => setReplay((last) => (last?.id === replay.id ? { ...last, isRunning: false } : last))}
    />
  );
  return (
    <Page
      title={new URL(data.url).host}
      hint={data.url}
      actions={
        <>
          {can('deliveries:write') && (
            <Button onClick={() => openReplay(true)}>
              <RotateCcw aria-hidden /> Replay
            </Button>
          )}
          {can('endpoints:write') && (
            <>
              <Button
                disabled={busy}
                onClick={() =>
                  void act(async () => setTested(await dataOf(api.POST('/api/v1/endpoints/{id}/test', path))))
                }
              >
                <FlaskConical aria-hidden /> Send a test
              </Button>
              <Button
                disabled={busy}
                onClick={() =>
                  void act(
                    () => dataOf(api.PATCH('/api/v1/endpoints/{id}', { ...path, body })),
                    isActive ? 'It is sent to again.' : 'Nothing is sent to it now; deliveries wait.',
                  )
                }
              >
                {isActive ? 'Enable' : 'Disable'}
              </Button>
              <Button kind="primary" onClick={() => setDialog('edit')}>
                <Pencil aria-hidden /> Edit
              </Button>
            </>
          )}
        </>
      }
    >
      {progress !== false && dialog !== 'replay' && (
        <Card>
          <CardHeader title="Replay" />
          <div className="px-4 py-4 sm:px-5">{progress}</div>
        </Card>
      )}
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <EndpointHealth endpoint={data} />
        <Card>
          <CardHeader title="Settings" />
          <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-2 px-4 py-4 sm:px-5">
            <dt className="text-ink-faint">Event types</dt>
            <dd>{data.event_types.length === 0 ? 'All' : data.event_types.join(', ')}</dd>
            <dt className="text-ink-faint">Headers</dt>
            <dd>{Object.keys(data.headers).join(', ') || 'None of its own'}</dd>
            <dt className="text-ink-faint">Rate limit</dt>
            <dd>{data.rate_limit === null ? 'None' : `${data.rate_limit} a second`}</dd>
            <dt className="text-ink-faint">Time limit</dt>
            <dd>{formatDuration(data.timeout_ms)}</dd>
            <dt className="text-ink-faint">Signature</dt>
            <dd>{data.signature}</dd>
            <dt className="text-ink-faint">Created</dt>
            <dd>
              <Time at={data.created_at} />
            </dd>
          </dl>
          {waits !== null && (
            <div className="px-4 pb-4 sm:px-5">
              <SchedulePicture waits={waits} />
            </div>
          )}
        </Card>
      </div>
      <HowToVerify endpoint={data} />
      <Dialog
        open={dialog === 'edit'}
        onOpenChange={(open) => setDialog(open ? 'edit' : null)}
        title="Edit the endpoint"
      >
        <EndpointForm
          endpoint={data}
          onSaved={() => {
            setDialog(null);
            tell('Saved.');
            refresh();
          }}
        />
      </Dialog>
      <Dialog
        open={dialog === 'replay'}
        onOpenChange={openReplay}
        title="Replay"
        description="Sends what was delivered in a span of time once more. Receivers see the same webhook-id."
      >
        {progress === false ? (
          <ReplayForm
            endpointId={id}
            onStarted={(replayId) => setReplay({ id: replayId, endpointId: id, isRunning: true })}
          />
        ) : (
          progress
        )}
      </Dialog>
      <Dialog open={tested !== null} onOpenChange={() => setTested(null)} title="A test was sent">
        {tested !== null && <TestResult attempt={tested} />}
      </Dialog>
    </Page>
  );
}

function TestResult({ attempt }: { attempt: Attempt }) {
  const answer = attempt.status_code === null ? 'No answer' : `HTTP ${attempt.status_code}`;
  return (
    <div className="flex flex-col gap-3">
      <p>
        <strong className={attempt.outcome === 'succeeded' ? 'text-good' : 'text-bad'}>{answer}</strong> after{' '}
        {formatDuration(attempt.duration_ms)}
        {attempt.error !== null && `: ${attempt.error}`}
      </p>
      {attempt.response.body !== null && attempt.response.body !== '' && (
        <CodeBlock label="Body received" text={prettyJson(attempt.response.body)} />
      )}
    </div>
  );
}

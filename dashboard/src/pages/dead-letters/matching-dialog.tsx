import { useState } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { Progress } from '@/components/progress';
import { ReplayProgress } from '@/components/replay-progress';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { useToasts } from '@/components/ui/toasts';
import { formatExact } from '@/lib/format';
import { ACTIONS, resolveMatching, type LetterAction } from './letter-actions';

interface MatchingDialogProps {
  /** Null: closed. */
  action: LetterAction | null;
  filter: Schemas['DeadLetterFilterDto'];
  onClose: () => void;
  onChanged: () => void;
}

const TOLD: Record<LetterAction, { description: string; button: string }> = {
  retry: {
    description: 'Every unresolved dead letter that the filters match is sent again, with all attempts.',
    button: 'Send them again',
  },
  resolve: {
    description: 'Every unresolved dead letter that the filters match counts as dealt with. Nothing is sent.',
    button: 'Resolve them',
  },
};

/** For all that match, however many pages they are. */
export function MatchingDialog({ action, filter, onClose, onChanged }: MatchingDialogProps) {
  return (
    <Dialog
      open={action !== null}
      onOpenChange={(open) => open || onClose()}
      title={action === null ? '' : `${ACTIONS[action].verb} all that match`}
      description={action === null ? '' : TOLD[action].description}
    >
      {action === 'retry' && <RetryMatching filter={filter} onChanged={onChanged} />}
      {action === 'resolve' && <ResolveMatching filter={filter} onChanged={onChanged} />}
    </Dialog>
  );
}

type Part = Pick<MatchingDialogProps, 'filter' | 'onChanged'>;

function RetryMatching({ filter, onChanged }: Part) {
  const { tellProblem } = useToasts();
  const [replayId, setReplayId] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function start(): Promise<void> {
    setBusy(true);
    try {
      setReplayId((await dataOf(api.POST('/api/v1/dead-letters/retry', { body: filter }))).id);
    } catch (error) {
      tellProblem(error);
      setBusy(false);
    }
  }
  if (replayId !== null) return <ReplayProgress id={replayId} onFinished={onChanged} />;
  return (
    <Button kind="primary" disabled={busy} onClick={() => void start()}>
      {TOLD.retry.button}
    </Button>
  );
}

function ResolveMatching({ filter, onChanged }: Part) {
  const { tellProblem } = useToasts();
  const [resolved, setResolved] = useState<number | null>(null);
  const [isDone, setDone] = useState(false);

  async function start(): Promise<void> {
    setResolved(0);
    try {
      await resolveMatching(filter, setResolved);
      setDone(true);
    } catch (error) {
      tellProblem(error);
      setResolved(null);
    } finally {
      onChanged();
    }
  }
  if (resolved === null) {
    return (
      <Button kind="primary" onClick={() => void start()}>
        {TOLD.resolve.button}
      </Button>
    );
  }
  return (
    <Progress label="Progress" done={resolved} {...(isDone ? { total: resolved } : {})}>
      {isDone ? `Done: ${formatExact(resolved)} resolved.` : `${formatExact(resolved)} resolved …`}
    </Progress>
  );
}

import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '@/api/client';
import { Progress } from '@/components/progress';
import { ErrorState } from '@/components/ui/states';

/** How far a replay is, until it is done. */
export function ReplayProgress({ id, onFinished }: { id: string; onFinished?: () => void }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['replay', id],
    queryFn: async () => {
      const replay = await dataOf(api.GET('/api/v1/replays/{id}', { params: { path: { id } } }));
      if (replay.status !== 'running') onFinished?.();
      return replay;
    },
    refetchInterval: ({ state }) => (state.data === undefined || state.data.status === 'running' ? 500 : false),
  });
  if (data === undefined) return error === null ? null : <ErrorState error={error} onRetry={() => void refetch()} />;
  const { status, total, done, failed } = data;
  const dealtWith = status === 'completed' ? total : Math.min(total, done + failed);
  return (
    <Progress label="Progress of the replay" done={dealtWith} total={total}>
      {status === 'running' && `${dealtWith} of ${total} …`}
      {status === 'completed' && `Done: ${done} sent again${failed > 0 ? `, ${failed} could not be` : ''}.`}
      {status === 'failed' && `Ended early after ${done} of ${total}: ${data.error ?? 'for no known reason'}`}
    </Progress>
  );
}

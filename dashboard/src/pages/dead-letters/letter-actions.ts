import { api, dataOf, type Schemas } from '@/api/client';

export type LetterAction = 'retry' | 'resolve';

export const ACTIONS: Record<LetterAction, { verb: string; done: string }> = {
  retry: { verb: 'Retry', done: 'sent again' },
  resolve: { verb: 'Resolve', done: 'resolved' },
};

export async function actOn(action: LetterAction, id: string): Promise<void> {
  const params = { path: { id } };
  if (action === 'retry') await dataOf(api.POST('/api/v1/dead-letters/{id}/retry', { params }));
  else await dataOf(api.POST('/api/v1/dead-letters/{id}/resolve', { params }));
}

/** Of what is there now: letters that come meanwhile were not meant. */
export async function resolveMatching(
  filter: Schemas['DeadLetterFilterDto'],
  onProgress: (resolved: number) => void,
): Promise<void> {
  const body = { ...filter, before: filter.before ?? new Date().toISOString() };
  for (let total = 0; ;) {
    const { resolved, has_more: hasMore } = await dataOf(api.POST('/api/v1/dead-letters/resolve', { body }));
    total += resolved;
    onProgress(total);
    if (!hasMore) return;
  }
}

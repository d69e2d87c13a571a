import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { MailX } from 'lucide-react';
import { useState } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { DataTable } from '@/components/data-table';
import { EndpointFilter, FilterBar, SelectFilter, TextFilter, TimeRangeFilters } from '@/components/filter-bar';
import { Page } from '@/components/page';
import { Progress } from '@/components/progress';
import { Button } from '@/components/ui/button';
import { Card } from '@/components/ui/card';
import { EmptyState } from '@/components/ui/states';
import { useFilters } from '@/lib/use-filters';
import { useSession } from '@/session/session';
import { columnsOf } from './columns';
import { ACTIONS, type LetterAction } from './letter-actions';
import { LetterDialog } from './letter-dialog';
import { MatchingDialog } from './matching-dialog';
import { isReason, REASONS } from './reasons';
import { useEach } from './use-each';

type Filter = Schemas['DeadLetterFilterDto'];

/** In the order of their buttons. */
const LETTER_ACTIONS: LetterAction[] = ['resolve', 'retry'];

export function Component() {
  const { values, set, clear, isFiltered, paging } = useFilters(
    'endpoint_id',
    'event_type',
    'reason',
    'resolved',
    'after',
    'before',
  );
  const { can } = useSession();
  const queries = useQueryClient();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState<string | null>(null);
  const [asking, setAsking] = useState<LetterAction | null>(null);

  const { reason, resolved, ...others } = values;
  const filter: Filter = { ...others, ...(isReason(reason) ? { reason } : {}) };
  const shown = resolved === 'true' ? true : resolved === 'false' ? false : undefined;
  const query = useQuery({
    queryKey: ['dead-letters', values, paging.cursor],
    placeholderData: keepPreviousData,
    refetchInterval: paging.cursor === undefined ? 5_000 : false,
    queryFn: () =>
      dataOf(
        api.GET('/api/v1/dead-letters', {
          params: {
            query: {
              ...filter,
              ...(shown === undefined ? {} : { resolved: shown }),
              ...(paging.cursor === undefined ? {} : { cursor: paging.cursor }),
            },
          },
        }),
      ),
  });
  const refresh = (): void => void queries.invalidateQueries({ queryKey: ['dead-letters'] });
  // Of those that are still shown and open: another page's are out of sight, and so out of reach.
  const open = (query.data?.data ?? []).filter(({ resolved_at }) => resolved_at === null);
  const chosen = open.filter(({ id }) => selected.has(id)).map(({ id }) => id);

  const isEmpty = query.data?.data.length === 0 && paging.cursor === undefined;
  const { progress, run } = useEach(() => {
    setSelected(new Set());
    refresh();
  });

  const mayWrite = can('deliveries:write');
  const columns = columnsOf({
    selectable: mayWrite,
    selected,
    allSelected: open.length > 0 && chosen.length === open.length,
    onSelectAll: (on) => setSelected(new Set(on ? open.map(({ id }) => id) : [])),
    onSelect: (id, on) => {
      const next = new Set(selected);
      if (on) next.add(id);
      else next.delete(id);
      setSelected(next);
    },
    onOpen: setOpened,
  });
  return (
    <Page
      title="Dead letters"
      hint="Deliveries that were given up, kept until somebody sees to them."
      actions={
        mayWrite && (
          <>
            {LETTER_ACTIONS.map((action) => (
              <Button
                key={action}
                kind={action === 'retry' ? 'primary' : 'secondary'}
                disabled={progress !== null || (chosen.length === 0 && (shown === true || isEmpty))}
                onClick={() => (chosen.length > 0 ? void run(action, chosen) : setAsking(action))}
              >
                {ACTIONS[action].verb} {chosen.length > 0 ? chosen.length : 'all that match'}
              </Button>
            ))}
          </>
        )
      }
    >
      <Card>
        <FilterBar isFiltered={isFiltered} onClear={clear}>
          <SelectFilter
            label="State"
            value={resolved}
            onChange={(value) => set('resolved', value)}
            options={{ false: 'Unresolved', true: 'Resolved' }}
          />
          <SelectFilter label="Reason" value={reason} onChange={(value) => set('reason', value)} options={REASONS} />
          <TextFilter
            label="Event type"
            placeholder="order.created"
            value={values.event_type}
            onChange={(value) => set('event_type', value)}
          />
          <EndpointFilter values={values} set={set} />
          <TimeRangeFilters values={values} set={set} />
        </FilterBar>
        {progress !== null && progress.total > 1 && (
          <div className="border-b border-line px-4 py-3 sm:px-5">
            <Progress
              label={`${ACTIONS[progress.action].verb} the selected`}
              done={progress.done}
              total={progress.total}
            >
              {progress.done} of {progress.total} {ACTIONS[progress.action].done} …
            </Progress>
          </div>
        )}
        <DataTable
          label="dead letters"
          columns={columns}
          query={query}
          paging={paging}
          empty={
            <EmptyState icon={MailX} title={isFiltered ? 'No dead letter matches' : 'No dead letters'}>
              {!isFiltered && 'What is given up after its last attempt waits here.'}
            </EmptyState>
          }
        />
      </Card>
      <LetterDialog
        id={opened}
        onClose={() => setOpened(null)}
        onRetry={mayWrite ? (id) => void run('retry', [id]) : undefined}
        onResolve={mayWrite ? (id) => void run('resolve', [id]) : undefined}
      />
      <MatchingDialog action={asking} filter={filter} onClose={() => setAsking(null)} onChanged={refresh} />
    </Page>
  );
}

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { ScrollText } from 'lucide-react';
import { useMemo, useState } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { DataTable } from '@/components/data-table';
import { FilterBar, SelectFilter, TextFilter, TimeRangeFilters } from '@/components/filter-bar';
import { Page } from '@/components/page';
import { Card } from '@/components/ui/card';
import { EmptyState } from '@/components/ui/states';
import { useFilters } from '@/lib/use-filters';
import { useSession } from '@/session/session';
import { ACTIONS } from './actions';
import { columnsOf } from './columns';
import { EntryDialog } from './entry-dialog';
import { useTenantNames } from './use-tenant-names';

type Entry = Schemas['AuditEntryDto'];

/** A tenant's own; everybody's for the operator who has picked none. */
export function Component() {
  const { tenantId } = useSession();
  const { values, set, clear, isFiltered, paging } = useFilters('action', 'actor_id', 'subject_id', 'after', 'before');
  const [opened, setOpened] = useState<Entry | null>(null);
  const ofAll = tenantId === null;
  const names = useTenantNames(ofAll);
  const query = useQuery({
    queryKey: ['audit-log', values, paging.cursor],
    placeholderData: keepPreviousData,
    queryFn: () =>
      dataOf(
        api.GET('/api/v1/audit-log', {
          params: {
            query: {
              ...(values as Omit<typeof values, 'action'> & { action?: Entry['action'] }),
              ...(paging.cursor === undefined ? {} : { cursor: paging.cursor }),
            },
          },
        }),
      ),
  });
  const columns = useMemo(() => columnsOf({ tenantNames: ofAll ? names : null, onOpen: setOpened }), [ofAll, names]);
  return (
    <Page title="Audit log" hint={ofAll ? 'Who did what, of all tenants.' : 'Who did what.'}>
      <Card>
        <FilterBar isFiltered={isFiltered} onClear={clear}>
          <SelectFilter
            label="What"
            options={ACTIONS}
            value={values.action}
            onChange={(value) => set('action', value)}
          />
          <TextFilter
            label="Who, by id"
            placeholder="of a key or a link"
            value={values.actor_id}
            onChange={(value) => set('actor_id', value)}
          />
          <TextFilter label="To what, by id" value={values.subject_id} onChange={(value) => set('subject_id', value)} />
          <TimeRangeFilters values={values} set={set} />
        </FilterBar>
        <DataTable
          label="audit log"
          columns={columns}
          query={query}
          paging={paging}
          empty={<EmptyState icon={ScrollText} title={isFiltered ? 'No entry matches' : 'Nothing was done yet'} />}
        />
      </Card>
      <EntryDialog entry={opened} onClose={() => setOpened(null)} />
    </Page>
  );
}

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { Inbox, Search } from 'lucide-react';
import { useState, type FormEvent } from 'react';
import { Link, useNavigate } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { DataTable } from '@/components/data-table';
import { FilterBar, TextFilter, TimeRangeFilters } from '@/components/filter-bar';
import { Page } from '@/components/page';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Card } from '@/components/ui/card';
import { Input } from '@/components/ui/field';
import { EmptyState } from '@/components/ui/states';
import { useFilters } from '@/lib/use-filters';

type Event = Schemas['EventSummaryDto'];

const COLUMNS: ColumnDef<Event>[] = [
  {
    header: 'Type',
    meta: { className: 'max-w-36 truncate sm:max-w-72' },
    cell: ({ row: { original } }) => (
      <Link to={`/events/${original.id}`} className="font-medium after:absolute after:inset-0 hover:text-accent">
        {original.event_type}
      </Link>
    ),
  },
  {
    header: 'Your id',
    meta: { className: 'max-w-28 truncate sm:max-w-64 font-mono text-xs text-ink-soft' },
    cell: ({ row: { original } }) => original.event_id ?? '–',
  },
  {
    header: 'Source',
    meta: { className: 'hidden md:table-cell text-ink-soft' },
    cell: ({ row: { original } }) => original.source ?? '–',
  },
  {
    header: 'Id',
    meta: { className: 'hidden lg:table-cell font-mono text-xs text-ink-faint' },
    cell: ({ row: { original } }) => original.id,
  },
  {
    header: 'Accepted',
    meta: { className: 'text-right text-[0.8125rem] text-ink-faint' },
    cell: ({ row: { original } }) => <Time at={original.created_at} />,
  },
];

export function Component() {
  const { values, set, clear, isFiltered, paging } = useFilters('event_type', 'event_id', 'source', 'after', 'before');
  const query = useQuery({
    queryKey: ['events', values, paging.cursor],
    placeholderData: keepPreviousData,
    refetchInterval: paging.cursor === undefined ? 5_000 : false,
    queryFn: () =>
      dataOf(
        api.GET('/api/v1/events', {
          params: { query: { ...values, ...(paging.cursor === undefined ? {} : { cursor: paging.cursor }) } },
        }),
      ),
  });
  return (
    <Page title="Events" hint="What your backend posted." actions={<OpenById />}>
      <Card>
        <FilterBar isFiltered={isFiltered} onClear={clear}>
          <TextFilter
            label="Type"
            placeholder="order.created"
            value={values.event_type}
            onChange={(value) => set('event_type', value)}
          />
          <TextFilter label="Your id" value={values.event_id} onChange={(value) => set('event_id', value)} />
          <TextFilter label="Source" value={values.source} onChange={(value) => set('source', value)} />
          <TimeRangeFilters values={values} set={set} />
        </FilterBar>
        <DataTable
          label="events"
          columns={COLUMNS}
          query={query}
          paging={paging}
          empty={
            <EmptyState icon={Inbox} title={isFiltered ? 'No event matches' : 'No events yet'}>
              {!isFiltered && (
                <>
                  Post one to <code className="font-mono">/api/v1/events</code>, and it appears here at once.
                </>
              )}
            </EmptyState>
          }
        />
      </Card>
    </Page>
  );
}

function OpenById() {
  const navigate = useNavigate();
  const [id, setId] = useState('');
  const open = (event: FormEvent) => {
    event.preventDefault();
    if (id.trim() !== '') void navigate(`/events/${encodeURIComponent(id.trim())}`);
  };
  return (
    <form onSubmit={open} role="search" className="flex gap-2">
      <Input
        type="search"
        aria-label="Find an event by its id, ours or yours"
        placeholder="Find by id"
        spellCheck={false}
        className="w-52 font-mono text-xs"
        value={id}
        onChange={(event) => setId(event.target.value)}
      />
      <Button type="submit" size="icon" aria-label="Find">
        <Search />
      </Button>
    </form>
  );
}

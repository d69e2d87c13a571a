import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { Send } from 'lucide-react';
import { Link } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { DataTable } from '@/components/data-table';
import { DeliveryStatus } from '@/components/delivery-status';
import { EndpointName } from '@/components/endpoint-name';
import { EndpointFilter, FilterBar, SelectFilter, TextFilter, TimeRangeFilters } from '@/components/filter-bar';
import { Page } from '@/components/page';
import { Time } from '@/components/time';
import { Card } from '@/components/ui/card';
import { EmptyState } from '@/components/ui/states';
import { useFilters } from '@/lib/use-filters';

type Delivery = Schemas['DeliveryDto'];

const STATUSES: Record<Delivery['status'], string> = {
  pending: 'Pending',
  succeeded: 'Delivered',
  dead_letter: 'Dead letter',
  cancelled: 'Cancelled',
};
const isStatus = (text: string | undefined): text is Delivery['status'] => text !== undefined && text in STATUSES;

export const DELIVERY_COLUMNS: ColumnDef<Delivery>[] = [
  {
    header: 'Event type',
    meta: { className: 'max-w-36 truncate sm:max-w-72' },
    cell: ({ row: { original } }) => (
      <Link to={`/deliveries/${original.id}`} className="font-medium after:absolute after:inset-0 hover:text-accent">
        {original.event_type}
      </Link>
    ),
  },
  { header: 'Status', cell: ({ row: { original } }) => <DeliveryStatus delivery={original} /> },
  {
    header: 'Endpoint',
    meta: { className: 'hidden md:table-cell max-w-72 truncate' },
    cell: ({ row: { original } }) => <EndpointName id={original.endpoint_id} />,
  },
  {
    header: 'Last answer',
    meta: { className: 'hidden lg:table-cell max-w-60 truncate text-ink-soft' },
    cell: ({ row: { original } }) => original.last_error ?? answerOf(original.last_status_code),
  },
  {
    header: 'Attempts',
    meta: { className: 'hidden sm:table-cell text-right tabular-nums' },
    cell: ({ row: { original } }) => `${original.attempts} of ${original.max_attempts}`,
  },
  {
    header: 'Created',
    meta: { className: 'text-right text-[0.8125rem] text-ink-faint' },
    cell: ({ row: { original } }) => <Time at={original.created_at} />,
  },
];

function answerOf(statusCode: number | null): string {
  return statusCode === null ? '–' : `HTTP ${statusCode}`;
}

export function Component() {
  const { values, set, clear, isFiltered, paging } = useFilters(
    'status',
    'event_type',
    'endpoint_id',
    'event_id',
    'after',
    'before',
  );
  const { status, ...others } = values;
  const query = useQuery({
    queryKey: ['deliveries', values, paging.cursor],
    placeholderData: keepPreviousData,
    refetchInterval: paging.cursor === undefined ? 5_000 : false,
    queryFn: () =>
      dataOf(
        api.GET('/api/v1/deliveries', {
          params: {
            query: {
              ...others,
              ...(isStatus(status) ? { status } : {}),
              ...(paging.cursor === undefined ? {} : { cursor: paging.cursor }),
            },
          },
        }),
      ),
  });
  return (
    <Page title="Deliveries" hint="One event on its way to one endpoint.">
      <Card>
        <FilterBar isFiltered={isFiltered} onClear={clear}>
          <SelectFilter label="Status" value={status} onChange={(value) => set('status', value)} options={STATUSES} />
          <TextFilter
            label="Event type"
            placeholder="order.created"
            value={values.event_type}
            onChange={(value) => set('event_type', value)}
          />
          <EndpointFilter values={values} set={set} />
          <TextFilter
            label="Event id"
            placeholder="Ours or yours"
            value={values.event_id}
            onChange={(value) => set('event_id', value)}
          />
          <TimeRangeFilters values={values} set={set} />
        </FilterBar>
        <DataTable
          label="deliveries"
          columns={DELIVERY_COLUMNS}
          query={query}
          paging={paging}
          empty={
            <EmptyState icon={Send} title={isFiltered ? 'No delivery matches' : 'No deliveries yet'}>
              {!isFiltered && 'They appear here once an event is posted that an endpoint wants.'}
            </EmptyState>
          }
        />
      </Card>
    </Page>
  );
}

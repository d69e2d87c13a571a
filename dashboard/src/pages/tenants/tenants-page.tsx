import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { Plus, Settings, Users } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { DataTable } from '@/components/data-table';
import { Page } from '@/components/page';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Card } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { EmptyState, Skeleton } from '@/components/ui/states';
import { formatCount, formatShare } from '@/lib/format';
import { useFilters } from '@/lib/use-filters';
import { basenameOf } from '@/session/place';
import { CreateTenant } from './create-tenant';
import { SendDemoEvents } from './send-demo-events';
import { TenantStatus } from './tenant-status';
import { useTenantStats } from './use-tenant-stats';

type Tenant = Schemas['TenantDto'];

/** Fewer than elsewhere: each asks for its own figures. */
const PAGE_SIZE = 20;
const NUMBERS = 'text-right tabular-nums';

const COLUMNS: ColumnDef<Tenant>[] = [
  {
    header: 'Name',
    // A whole new page: nothing of one tenant is left when another is shown.
    cell: ({ row: { original } }) => (
      <a href={basenameOf(original.id)} className="font-medium after:absolute after:inset-0 hover:text-accent">
        {original.name}
      </a>
    ),
  },
  { header: 'Status', cell: ({ row: { original } }) => <TenantStatus status={original.status} /> },
  {
    header: 'Events, 24 h',
    meta: { className: `hidden sm:table-cell ${NUMBERS}` },
    cell: ({ row: { original } }) => <Figure of={original} tell={({ events }) => formatCount(events)} />,
  },
  {
    header: 'Success, 24 h',
    meta: { className: `hidden sm:table-cell ${NUMBERS}` },
    cell: ({ row: { original } }) => <Figure of={original} tell={({ success_rate: rate }) => formatShare(rate)} />,
  },
  {
    header: 'Waiting',
    meta: { className: `hidden md:table-cell ${NUMBERS}` },
    cell: ({ row: { original } }) => (
      <Figure of={original} tell={({ deliveries }) => formatCount(deliveries.pending)} />
    ),
  },
  {
    header: 'Dead letters, 24 h',
    meta: { className: `hidden md:table-cell ${NUMBERS}` },
    cell: ({ row: { original } }) => (
      <Figure of={original} tell={({ deliveries }) => formatCount(deliveries.dead_letter)} />
    ),
  },
  {
    header: 'Created',
    meta: { className: 'hidden lg:table-cell text-right text-[0.8125rem] text-ink-faint' },
    cell: ({ row: { original } }) => <Time at={original.created_at} />,
  },
  {
    id: 'settings',
    header: () => <span className="sr-only">Settings</span>,
    meta: { className: 'w-12 text-right' },
    cell: ({ row: { original } }) => (
      // Above the row's own link.
      <Button asChild kind="quiet" size="icon" className="relative z-10">
        <Link to={`/tenants/${original.id}`} aria-label={`Settings of ${original.name}`}>
          <Settings />
        </Link>
      </Button>
    ),
  },
];

/** Asked for once a row, whatever the number of figures. */
function Figure({ of, tell }: { of: Tenant; tell: (stats: Schemas['StatsDto']) => string }) {
  const { data, error } = useTenantStats(of.id);
  if (data !== undefined) return tell(data);
  return error === null ? <Skeleton className="ml-auto h-5 w-10" /> : '–';
}

export function Component() {
  const { paging } = useFilters();
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const query = useQuery({
    queryKey: ['tenants', paging.cursor],
    placeholderData: keepPreviousData,
    queryFn: () =>
      dataOf(
        api.GET('/api/v1/tenants', {
          params: { query: { limit: PAGE_SIZE, ...(paging.cursor === undefined ? {} : { cursor: paging.cursor }) } },
        }),
      ),
  });
  return (
    <Page
      title="Tenants"
      hint="Pick one to see its events and deliveries."
      actions={
        <Button kind="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden /> Create a tenant
        </Button>
      }
    >
      <Card>
        <DataTable
          label="tenants"
          columns={COLUMNS}
          query={query}
          paging={paging}
          empty={
            <EmptyState icon={Users} title="There is no tenant yet">
              <SendDemoEvents />
            </EmptyState>
          }
        />
      </Card>
      <Dialog
        persistent
        open={creating}
        onOpenChange={setCreating}
        title="Create a tenant"
        description="One of your customers: nothing of it is visible to another."
      >
        <CreateTenant onCreated={() => void queries.invalidateQueries({ queryKey: ['tenants'] })} />
      </Dialog>
    </Page>
  );
}

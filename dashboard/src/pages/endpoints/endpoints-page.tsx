import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { Plus, Webhook } from 'lucide-react';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { DataTable } from '@/components/data-table';
import { Page } from '@/components/page';
import { Sparkline } from '@/components/sparkline';
import { Button } from '@/components/ui/button';
import { Card } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { EmptyState } from '@/components/ui/states';
import { formatDuration, formatShare } from '@/lib/format';
import { useFilters } from '@/lib/use-filters';
import { useSession } from '@/session/session';
import { EndpointForm } from './endpoint-form';
import { EndpointState } from './endpoint-state';

type Endpoint = Schemas['EndpointDto'];
type Health = Schemas['EndpointHealthDto'];

type Healths = ReadonlyMap<string, Health>;
const NONE: Healths = new Map();
const REFRESH_MS = 5_000;
/** A day's counts change little in a minute, and are more to read than how it stands now. */
const DAY_REFRESH_MS = 60_000;

/** By endpoint, of one page of them. */
function useHealth(cursor: string | undefined, query: { series?: '24h' }, refetchInterval: number): Healths {
  const { data } = useQuery({
    queryKey: ['endpoints', 'health', cursor, query],
    placeholderData: keepPreviousData,
    refetchInterval,
    queryFn: () =>
      dataOf(
        api.GET('/api/v1/endpoints/health', {
          params: { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } },
        }),
      ),
    select: byId,
  });
  return data ?? NONE;
}

function byId({ data }: { data: Health[] }): Healths {
  return new Map(data.map((health) => [health.endpoint_id, health]));
}

function columnsOf(health: Healths, days: Healths): ColumnDef<Endpoint>[] {
  return [
    {
      header: 'Endpoint',
      meta: { className: 'max-w-96' },
      cell: ({ row: { original } }) => (
        <>
          <Link to={`/endpoints/${original.id}`} className="font-medium after:absolute after:inset-0 hover:text-accent">
            {original.url}
          </Link>
          {original.description !== null && <p className="truncate text-ink-faint">{original.description}</p>}
        </>
      ),
    },
    {
      header: 'State',
      cell: ({ row: { original } }) => <EndpointState endpoint={original} health={health.get(original.id)} />,
    },
    {
      header: 'Last 24 h',
      meta: { className: 'hidden sm:table-cell' },
      cell: ({ row: { original } }) => {
        const series = days.get(original.id)?.series;
        return series === undefined ? null : <Sparkline series={series} />;
      },
    },
    {
      header: 'Success, 1 h',
      meta: { className: 'hidden sm:table-cell text-right tabular-nums' },
      cell: ({ row: { original } }) => <SuccessRate rate={health.get(original.id)?.success_rate ?? null} />,
    },
    {
      header: 'p95',
      meta: { className: 'hidden md:table-cell text-right tabular-nums' },
      cell: ({ row: { original } }) => formatDuration(health.get(original.id)?.latency_ms.p95 ?? null),
    },
    {
      header: 'Waiting',
      meta: { className: 'hidden md:table-cell text-right tabular-nums' },
      cell: ({ row: { original } }) => health.get(original.id)?.pending ?? '–',
    },
    {
      header: 'Event types',
      meta: { className: 'hidden lg:table-cell max-w-60 truncate text-ink-soft' },
      cell: ({ row: { original } }) => (original.event_types.length === 0 ? 'All' : original.event_types.join(', ')),
    },
  ];
}

function SuccessRate({ rate }: { rate: number | null }) {
  if (rate === null) return '–';
  return (
    <span className="inline-flex items-center gap-2">
      <span aria-hidden className="flex h-1.5 w-14 overflow-hidden rounded-full bg-bad-mark">
        <svg viewBox="0 0 100 1" preserveAspectRatio="none" className="size-full">
          <rect width={rate * 100} height="1" className="fill-good-mark" />
        </svg>
      </span>
      {formatShare(rate)}
    </span>
  );
}

export function Component() {
  const { paging } = useFilters();
  const { can } = useSession();
  const [creating, setCreating] = useState(false);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const page = paging.cursor === undefined ? {} : { cursor: paging.cursor };
  const query = useQuery({
    queryKey: ['endpoints', paging.cursor],
    placeholderData: keepPreviousData,
    queryFn: () => dataOf(api.GET('/api/v1/endpoints', { params: { query: page } })),
  });
  const health = useHealth(paging.cursor, {}, REFRESH_MS);
  const days = useHealth(paging.cursor, { series: '24h' }, DAY_REFRESH_MS);
  return (
    <Page
      title="Endpoints"
      hint="Where events go."
      actions={
        can('endpoints:write') && (
          <Button kind="primary" onClick={() => setCreating(true)}>
            <Plus aria-hidden /> Add an endpoint
          </Button>
        )
      }
    >
      <Card>
        <DataTable
          label="endpoints"
          columns={columnsOf(health, days)}
          query={query}
          paging={paging}
          empty={
            <EmptyState icon={Webhook} title="No endpoints yet">
              An endpoint is a URL of yours that events are posted to.
            </EmptyState>
          }
        />
      </Card>
      <Dialog open={creating} onOpenChange={setCreating} title="Add an endpoint">
        <EndpointForm
          endpoint={null}
          onSaved={({ id }) => {
            void queries.invalidateQueries({ queryKey: ['endpoints'] });
            void navigate(`/endpoints/${id}`);
          }}
        />
      </Dialog>
    </Page>
  );
}

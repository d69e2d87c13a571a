import type { ColumnDef } from '@tanstack/react-table';
import type { Schemas } from '@/api/client';
import { EndpointName } from '@/components/endpoint-name';
import { Time } from '@/components/time';
import { Badge } from '@/components/ui/badge';
import { REASONS } from './reasons';

type Letter = Schemas['DeadLetterSummaryDto'];

interface ColumnsOptions {
  selectable: boolean;
  selected: ReadonlySet<string>;
  allSelected: boolean;
  onSelectAll: (on: boolean) => void;
  onSelect: (id: string, on: boolean) => void;
  onOpen: (id: string) => void;
}

export function columnsOf(options: ColumnsOptions): ColumnDef<Letter>[] {
  const { selectable, selected, allSelected, onSelectAll, onSelect, onOpen } = options;
  const selection: ColumnDef<Letter> = {
    id: 'selection',
    meta: { className: 'w-10' },
    header: () => (
      <input
        type="checkbox"
        aria-label="Select all on this page"
        className="size-4 accent-accent"
        checked={allSelected}
        onChange={({ target }) => onSelectAll(target.checked)}
      />
    ),
    cell: ({ row: { original } }) => (
      <input
        type="checkbox"
        aria-label={`Select ${original.event_type}, ${original.id}`}
        className="relative z-10 size-4 accent-accent"
        disabled={original.resolved_at !== null}
        checked={selected.has(original.id)}
        onChange={({ target }) => onSelect(original.id, target.checked)}
      />
    ),
  };
  return [
    ...(selectable ? [selection] : []),
    {
      header: 'Event type',
      cell: ({ row: { original } }) => (
        <button type="button" className="text-left font-medium hover:text-accent" onClick={() => onOpen(original.id)}>
          {original.event_type}
        </button>
      ),
    },
    {
      header: 'Reason',
      cell: ({ row: { original } }) => (
        <Badge tone={original.resolved_at === null ? 'bad' : 'neutral'}>{REASONS[original.reason]}</Badge>
      ),
    },
    {
      header: 'Endpoint',
      meta: { className: 'hidden md:table-cell max-w-72 truncate' },
      cell: ({ row: { original } }) => <EndpointName id={original.endpoint_id} />,
    },
    {
      header: 'Last answer',
      meta: { className: 'hidden lg:table-cell max-w-60 truncate text-ink-soft' },
      cell: ({ row: { original } }) => original.last_error ?? original.last_status_code ?? '–',
    },
    {
      header: 'Given up',
      meta: { className: 'hidden sm:table-cell text-right' },
      cell: ({ row: { original } }) => <Time at={original.created_at} />,
    },
  ];
}

import type { ColumnDef } from '@tanstack/react-table';
import type { Schemas } from '@/api/client';
import { Time } from '@/components/time';
import { ACTIONS, ACTORS, subjectText } from './actions';

type Entry = Schemas['AuditEntryDto'];

interface ColumnsOptions {
  /** Null: they are all of one tenant. */
  tenantNames: ReadonlyMap<string, string> | null;
  onOpen: (entry: Entry) => void;
}

export function columnsOf({ tenantNames, onOpen }: ColumnsOptions): ColumnDef<Entry>[] {
  const tenant: ColumnDef<Entry> = {
    header: 'Tenant',
    meta: { className: 'hidden md:table-cell max-w-48 truncate' },
    cell: ({ row: { original } }) => <TenantCell id={original.tenant_id} names={tenantNames} />,
  };
  return [
    {
      header: 'What',
      cell: ({ row: { original } }) => (
        <button
          type="button"
          className="text-left font-medium after:absolute after:inset-0 hover:text-accent"
          onClick={() => onOpen(original)}
        >
          {ACTIONS[original.action]}
        </button>
      ),
    },
    {
      header: 'Who',
      cell: ({ row: { original } }) => (
        <>
          {ACTORS[original.actor.kind]}
          <Id id={original.actor.id} />
        </>
      ),
    },
    ...(tenantNames === null ? [] : [tenant]),
    {
      header: 'To what',
      meta: { className: 'hidden sm:table-cell' },
      cell: ({ row: { original } }) => (
        <>
          {subjectText(original.subject.kind)}
          <Id id={original.subject.id} />
        </>
      ),
    },
    {
      header: 'Address',
      meta: { className: 'hidden xl:table-cell text-ink-soft' },
      cell: ({ row: { original } }) => original.ip ?? '–',
    },
    {
      header: 'When',
      meta: { className: 'text-right text-[0.8125rem] text-ink-faint' },
      cell: ({ row: { original } }) => <Time at={original.at} />,
    },
  ];
}

function Id({ id }: { id: string | null }) {
  return id === null ? null : <span className="hidden font-mono text-xs text-ink-faint lg:block">{id}</span>;
}

function TenantCell({ id, names }: { id: string | null; names: ReadonlyMap<string, string> | null }) {
  if (id === null) return <span className="text-ink-faint">–</span>;
  // One that is gone, or too old to be known by name.
  return names?.get(id) ?? <span className="font-mono text-xs text-ink-faint">{id}</span>;
}

import type { ColumnDef } from '@tanstack/react-table';
import { Ellipsis } from 'lucide-react';
import type { Schemas } from '@/api/client';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Menu, MenuItem } from '@/components/ui/menu';
import { ALL_SCOPES } from '@/lib/scopes';
import { isUsable, KeyState } from './key-state';

type ApiKey = Schemas['ApiKeyDto'];

interface ColumnsOptions {
  onRotate: (key: ApiKey) => void;
  onRevoke: (key: ApiKey) => void;
}

export function columnsOf({ onRotate, onRevoke }: ColumnsOptions): ColumnDef<ApiKey>[] {
  return [
    {
      header: 'Key',
      cell: ({ row: { original } }) => (
        <>
          <p className="font-medium">{original.name}</p>
          <p className="font-mono text-xs text-ink-faint">{original.prefix}…</p>
          {/* What has no column of its own on a phone. */}
          <p className="text-xs text-ink-faint md:hidden">
            Used: <LastUsed at={original.last_used_at} />. Expires: <Expiry at={original.expires_at} />.
          </p>
        </>
      ),
    },
    { header: 'State', cell: ({ row: { original } }) => <KeyState apiKey={original} /> },
    {
      header: 'Scopes',
      meta: { className: 'hidden lg:table-cell max-w-72 text-[0.8125rem] text-ink-soft' },
      cell: ({ row: { original } }) =>
        original.scopes.length === ALL_SCOPES.length ? 'All' : original.scopes.join(', '),
    },
    {
      header: 'Last used',
      meta: { className: 'hidden md:table-cell text-[0.8125rem] text-ink-soft' },
      cell: ({ row: { original } }) => <LastUsed at={original.last_used_at} />,
    },
    {
      header: 'Expires',
      meta: { className: 'hidden md:table-cell text-[0.8125rem] text-ink-soft' },
      cell: ({ row: { original } }) => <Expiry at={original.expires_at} />,
    },
    {
      header: 'Created',
      meta: { className: 'hidden lg:table-cell text-[0.8125rem] text-ink-faint' },
      cell: ({ row: { original } }) => <Time at={original.created_at} />,
    },
    {
      id: 'actions',
      header: () => <span className="sr-only">Actions</span>,
      meta: { className: 'w-12 text-right' },
      cell: ({ row: { original } }) =>
        isUsable(original) && (
          <Menu
            inContents
            trigger={
              <Button kind="quiet" size="icon" aria-label={`Actions for ${original.name}, ${original.prefix}`}>
                <Ellipsis />
              </Button>
            }
          >
            {/* It happens once a key: its successor is the one to rotate next. */}
            {original.replaced_by === null && <MenuItem onSelect={() => onRotate(original)}>Rotate …</MenuItem>}
            <MenuItem onSelect={() => onRevoke(original)}>Revoke …</MenuItem>
          </Menu>
        ),
    },
  ];
}

function LastUsed({ at }: { at: string | null }) {
  return at === null ? 'never' : <Time at={at} relative />;
}

function Expiry({ at }: { at: string | null }) {
  return at === null ? 'never' : <Time at={at} />;
}

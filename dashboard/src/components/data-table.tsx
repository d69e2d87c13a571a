import type { UseQueryResult } from '@tanstack/react-query';
import { flexRender, getCoreRowModel, useReactTable, type ColumnDef, type RowData } from '@tanstack/react-table';
import { ChevronLeft, ChevronRight } from 'lucide-react';
import type { ReactNode } from 'react';
import { classNames } from '@/lib/class-names';
import type { Paging } from '@/lib/use-filters';
import { Button } from './ui/button';
import { ErrorState, Loading } from './ui/states';

declare module '@tanstack/react-table' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- the library's own signature
  interface ColumnMeta<TData extends RowData, TValue> {
    /** Of its head and its cells: `hidden md:table-cell`, `text-right`. */
    className?: string;
  }
}

interface PageOf<Row> {
  data: Row[];
  next_cursor: string | null;
}

interface DataTableProps<Row> {
  /** What the table holds, for those who can't see it. */
  label: string;
  columns: ColumnDef<Row>[];
  query: UseQueryResult<PageOf<Row>>;
  paging: Paging;
  empty: ReactNode;
}

/** A page of a list by cursor, with the states that come before and instead of it. */
export function DataTable<Row extends { id: string }>({ label, columns, query, paging, empty }: DataTableProps<Row>) {
  const { data, error, isPlaceholderData, refetch } = query;
  const table = useReactTable({
    data: data?.data ?? [],
    columns,
    getCoreRowModel: getCoreRowModel(),
    getRowId: ({ id }) => id,
  });
  if (data === undefined) {
    if (error !== null) return <ErrorState error={error} onRetry={() => void refetch()} />;
    return <Loading label={`Loading ${label}`} rows={8} />;
  }
  const next = data.next_cursor;
  return (
    <>
      {data.data.length === 0 ? (
        empty
      ) : (
        <div
          className={classNames('overflow-x-auto transition-opacity', isPlaceholderData && 'opacity-60')}
          aria-busy={isPlaceholderData}
        >
          <table className="w-full text-left">
            <caption className="sr-only">{label}</caption>
            <thead>
              {table.getHeaderGroups().map((group) => (
                <tr key={group.id}>
                  {group.headers.map(({ id, column, getContext }) => (
                    <th
                      key={id}
                      scope="col"
                      className={classNames(
                        column.columnDef.meta?.className,
                        'border-b border-line px-3 py-2.5 font-sans text-xs font-medium whitespace-nowrap text-ink-faint first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5',
                      )}
                    >
                      {flexRender(column.columnDef.header, getContext())}
                    </th>
                  ))}
                </tr>
              ))}
            </thead>
            <tbody>
              {table.getRowModel().rows.map((row) => (
                <tr key={row.id} className="relative border-b border-line last:border-0 hover:bg-sunken">
                  {row.getVisibleCells().map(({ id, column, getContext }) => (
                    <td
                      key={id}
                      className={classNames(
                        'px-3 py-2.5 align-middle first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5',
                        column.columnDef.meta?.className,
                      )}
                    >
                      {flexRender(column.columnDef.cell, getContext())}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {(next !== null || paging.hasPrevious) && (
        <nav aria-label={`Pages of ${label}`} className="flex justify-end gap-2 border-t border-line px-4 py-3 sm:px-5">
          <Button size="small" disabled={!paging.hasPrevious} onClick={paging.previous}>
            <ChevronLeft /> Newer
          </Button>
          <Button size="small" disabled={next === null} onClick={() => next !== null && paging.next(next)}>
            Older <ChevronRight />
          </Button>
        </nav>
      )}
    </>
  );
}

import { useCallback, useLayoutEffect, useMemo, useRef } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';

export interface Filters<Name extends string> {
  /** Those that are set. */
  values: Partial<Record<Name, string>>;
  set: (name: Name, value: string) => void;
  clear: () => void;
  isFiltered: boolean;
  paging: Paging;
}

export interface Paging {
  cursor: string | undefined;
  hasPrevious: boolean;
  next: (cursor: string) => void;
  previous: () => void;
}

/** Filters and the page's cursor, kept in the URL: a link shows what its sender saw. */
export function useFilters<Name extends string>(...names: Name[]): Filters<Name> {
  const [search, setSearch] = useSearchParams();
  // What was set last, which the URL shows only with the next rendering: two filters set before that must not undo one another.
  const latest = useRef(search);
  useLayoutEffect(() => {
    latest.current = search;
  }, [search]);
  const navigate = useNavigate();
  const state = useLocation().state as { trail?: string[] } | null;
  const trail = state?.trail ?? [];
  const cursor = search.get('cursor') ?? undefined;
  const joined = names.join(' ');

  const values = useMemo(() => {
    const entries = joined.split(' ').map((name) => [name, search.get(name)?.trim() ?? ''] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== '')) as Partial<Record<Name, string>>;
  }, [search, joined]);

  const set = useCallback(
    (name: Name, value: string) => {
      const changed = new URLSearchParams(latest.current);
      if (value === '') changed.delete(name);
      else changed.set(name, value);
      // Another filter's cursor means nothing.
      changed.delete('cursor');
      latest.current = changed;
      setSearch(changed, { replace: true });
    },
    [setSearch],
  );

  const turnTo = (target: string | undefined, newTrail: string[]): void => {
    const changed = new URLSearchParams(search);
    if (target === undefined || target === '') changed.delete('cursor');
    else changed.set('cursor', target);
    void navigate({ search: changed.toString() }, { state: { trail: newTrail } });
  };

  return {
    values,
    set,
    clear: () => setSearch({}, { replace: true }),
    isFiltered: Object.keys(values).length > 0,
    paging: {
      cursor,
      hasPrevious: cursor !== undefined,
      next: (target) => turnTo(target, [...trail, cursor ?? '']),
      // Without a trail, as in a link that was sent, the way back leads to the newest.
      previous: () => turnTo(trail.at(-1), trail.slice(0, -1)),
    },
  };
}

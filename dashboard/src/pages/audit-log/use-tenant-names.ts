import { useQuery } from '@tanstack/react-query';
import { api, dataOf, type Schemas } from '@/api/client';

/** The newest 200 tenants' names, by id. Empty unless asked for: only the operator may list tenants. */
export function useTenantNames(enabled: boolean): ReadonlyMap<string, string> {
  const { data } = useQuery({
    queryKey: ['tenants', 'names'],
    enabled,
    staleTime: 30_000,
    queryFn: () => dataOf(api.GET('/api/v1/tenants', { params: { query: { limit: 200 } } })),
    select: namesById,
  });
  return data ?? NONE;
}

const NONE: ReadonlyMap<string, string> = new Map();

function namesById({ data }: { data: Schemas['TenantDto'][] }): ReadonlyMap<string, string> {
  return new Map(data.map(({ id, name }) => [id, name]));
}

import { useQuery } from '@tanstack/react-query';
import { api, dataOf, type Schemas } from '@/api/client';
import { useSession } from '@/session/session';

type Endpoint = Schemas['EndpointDto'];

/** The tenant's first 200 endpoints, by id. Empty for those who may not read endpoints. */
export function useEndpoints(): ReadonlyMap<string, Endpoint> {
  const { can, tenantId } = useSession();
  const { data } = useQuery({
    queryKey: ['endpoints', 'all', tenantId],
    enabled: can('endpoints:read'),
    staleTime: 30_000,
    queryFn: () => dataOf(api.GET('/api/v1/endpoints', { params: { query: { limit: 200 } } })),
    select: byId,
  });
  return data ?? NONE;
}

const NONE: ReadonlyMap<string, Endpoint> = new Map();

function byId({ data }: { data: Endpoint[] }): ReadonlyMap<string, Endpoint> {
  return new Map(data.map((endpoint) => [endpoint.id, endpoint]));
}

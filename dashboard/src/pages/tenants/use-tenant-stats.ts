import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { api, dataOf, type Schemas } from '@/api/client';

/** How a tenant's last 24 hours were, from the operator's own pages. */
export function useTenantStats(tenantId: string): UseQueryResult<Schemas['StatsDto']> {
  return useQuery({
    queryKey: ['tenant', tenantId, 'stats'],
    staleTime: 30_000,
    queryFn: () =>
      dataOf(api.GET('/api/v1/stats', { params: { query: { window: '24h' } }, headers: { 'X-Tenant-Id': tenantId } })),
  });
}

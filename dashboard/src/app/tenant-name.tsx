import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '@/api/client';
import { useSession } from '@/session/session';

/** Whose data is shown. */
export function TenantName() {
  const { session, tenantId } = useSession();
  const isPicked = session.tenant === null && tenantId !== null;
  const { data } = useQuery({
    queryKey: ['tenant', tenantId],
    enabled: isPicked,
    staleTime: 60_000,
    queryFn: () => dataOf(api.GET('/api/v1/tenants/{id}', { params: { path: { id: tenantId ?? '' } } })),
  });
  if (session.tenant !== null) return session.tenant.name;
  return isPicked ? (data?.name ?? '…') : 'Operator';
}

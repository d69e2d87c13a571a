import type { Schemas } from '@/api/client';
import { Badge } from '@/components/ui/badge';

export function TenantStatus({ status }: { status: Schemas['TenantDto']['status'] }) {
  return status === 'active' ? <Badge tone="good">Active</Badge> : <Badge tone="warn">Suspended</Badge>;
}

import { Card } from '@/components/ui/card';
import { ErrorState } from '@/components/ui/states';
import { formatCount, formatDuration, formatShare } from '@/lib/format';
import { StatCard } from '@/pages/overview/stat-card';
import { useTenantStats } from './use-tenant-stats';

export function TenantFigures({ tenantId }: { tenantId: string }) {
  const { data, error, refetch } = useTenantStats(tenantId);
  if (data === undefined && error !== null) {
    return (
      <Card>
        <ErrorState error={error} onRetry={() => void refetch()} />
      </Card>
    );
  }
  return (
    <dl aria-label="The last 24 hours" className="grid grid-cols-2 gap-3 sm:grid-cols-3 sm:gap-4 xl:grid-cols-5">
      <StatCard name="Events" value={data && formatCount(data.events)} hint="accepted in 24 h" />
      <StatCard name="Success rate" value={data && formatShare(data.success_rate)} hint="of attempts in 24 h" />
      <StatCard name="Waiting" value={data && formatCount(data.deliveries.pending)} hint="deliveries now" />
      <StatCard name="Dead letters" value={data && formatCount(data.deliveries.dead_letter)} hint="in 24 h" />
      <StatCard name="p95 latency" value={data && formatDuration(data.latency_ms.p95)} hint="of attempts in 24 h" />
    </dl>
  );
}

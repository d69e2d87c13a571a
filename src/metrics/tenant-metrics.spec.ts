import { Config } from '../config/config.js';
import { Metrics } from './metrics.js';
import { TenantMetrics } from './tenant-metrics.js';

const withLimit = (metricsPerTenant: number): { tenants: TenantMetrics; series: () => Promise<string[]> } => {
  const metrics = new Metrics();
  const tenants = new TenantMetrics(metrics, Object.assign(new Config(), { metricsPerTenant }));
  const series = async (): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('webhook_tenant_'));
  return { tenants, series };
};

describe('metrics by tenant', () => {
  it('are not there unless they were asked for', async () => {
    const { tenants, series } = withLimit(0);
    tenants.accepted('a');
    tenants.attempted('a', true);
    expect(await series()).toEqual([]);
  });

  it('label as many tenants as they may, and put the rest together', async () => {
    const { tenants, series } = withLimit(2);
    for (const tenant of ['a', 'b', 'c', 'd', 'a']) tenants.accepted(tenant);
    tenants.attempted('b', false);
    tenants.attempted('c', true);
    expect(await series()).toEqual([
      'webhook_tenant_events_published_total{tenant="a"} 2',
      'webhook_tenant_events_published_total{tenant="b"} 1',
      'webhook_tenant_events_published_total{tenant="other"} 2',
      'webhook_tenant_delivery_attempts_total{tenant="b",outcome="failed"} 1',
      'webhook_tenant_delivery_attempts_total{tenant="other",outcome="succeeded"} 1',
    ]);
  });

  it('give the place of a tenant that was quiet for an hour to another, and drop its series', async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      const { tenants, series } = withLimit(1);
      // The cache takes a time of 0 for none.
      jest.advanceTimersByTime(1);
      tenants.accepted('a');
      jest.advanceTimersByTime(3_600_001);
      tenants.accepted('b');
      expect(await series()).toEqual(['webhook_tenant_events_published_total{tenant="b"} 1']);
    } finally {
      jest.useRealTimers();
    }
  });
});

import { Global, Module } from '@nestjs/common';
import { Metrics } from './metrics.js';
import { TenantMetrics } from './tenant-metrics.js';

@Global()
@Module({ providers: [Metrics, TenantMetrics], exports: [Metrics, TenantMetrics] })
export class MetricsModule {}

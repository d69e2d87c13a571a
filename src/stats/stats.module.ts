import { Module } from '@nestjs/common';
import { EndpointHealthService } from './endpoint-health.service.js';
import { StatsService } from './stats.service.js';

/** What the API reads of statistics; src/stats/rollup.module.ts is for those who count. */
@Module({ providers: [EndpointHealthService, StatsService], exports: [EndpointHealthService, StatsService] })
export class StatsModule {}

import { Module } from '@nestjs/common';
import { RollupModule } from '../stats/rollup.module.js';
import { DeliveriesService } from './deliveries.service.js';

@Module({ imports: [RollupModule], providers: [DeliveriesService], exports: [DeliveriesService] })
export class DeliveriesModule {}

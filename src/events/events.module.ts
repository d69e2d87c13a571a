import { Module } from '@nestjs/common';
import { FeederModule } from '../feeder/feeder.module.js';
import { RollupModule } from '../stats/rollup.module.js';
import { EventsService } from './events.service.js';
import { EventsReader } from './events-reader.service.js';
import { Ingestor } from './ingestor.js';
import { PublishLimiter } from './publish-limiter.js';
import { PublishMetrics } from './publish-metrics.js';
import { PublishSignatures } from './publish-signatures.js';

@Module({
  imports: [FeederModule, RollupModule],
  providers: [EventsService, EventsReader, Ingestor, PublishLimiter, PublishMetrics, PublishSignatures],
  exports: [EventsService, EventsReader],
})
export class EventsModule {}

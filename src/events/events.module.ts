import { Module } from '@nestjs/common';
import { FeederModule } from '../feeder/feeder.module.js';
import { RollupModule } from '../stats/rollup.module.js';
import { EventsService } from './events.service.js';
import { EventsReader } from './events-reader.service.js';
import { Ingestor } from './ingestor.js';
import { PublishLimiter } from './publish-limiter.js';

@Module({
  imports: [FeederModule, RollupModule],
  providers: [EventsService, EventsReader, Ingestor, PublishLimiter],
  exports: [EventsService, EventsReader],
})
export class EventsModule {}

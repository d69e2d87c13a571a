import { Module } from '@nestjs/common';
import { QueueModule } from '../queue/queue.module.js';
import { QueueWindow } from './queue-window.js';

/** What ingest and the worker share; the feeder itself runs in workers only (worker.module.ts). */
@Module({
  imports: [QueueModule],
  providers: [QueueWindow],
  exports: [QueueWindow, QueueModule],
})
export class FeederModule {}

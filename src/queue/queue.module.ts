import { Module } from '@nestjs/common';
import { DeliveryQueue } from './delivery-queue.js';
import { QueueBackend } from './queue-backend.js';

@Module({
  providers: [QueueBackend, DeliveryQueue],
  exports: [QueueBackend, DeliveryQueue],
})
export class QueueModule {}

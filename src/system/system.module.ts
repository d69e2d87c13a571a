import { Module } from '@nestjs/common';
import { QueueModule } from '../queue/queue.module.js';
import { SystemService } from './system.service.js';

@Module({ imports: [QueueModule], providers: [SystemService], exports: [SystemService] })
export class SystemModule {}

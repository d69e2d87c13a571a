import { Module } from '@nestjs/common';
import { ReplaysService } from './replays.service.js';
import { ReplayStepper } from './replay-stepper.service.js';

@Module({ providers: [ReplaysService, ReplayStepper], exports: [ReplaysService, ReplayStepper] })
export class ReplaysModule {}

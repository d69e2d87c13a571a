import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AttemptStreams } from './attempt-streams.service.js';
import { StandingAccess } from './standing-access.js';

@Module({
  imports: [ApiKeysModule],
  providers: [AttemptStreams, StandingAccess],
  exports: [AttemptStreams, StandingAccess],
})
export class StreamModule {}

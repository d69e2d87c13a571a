import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { SessionsService } from './sessions.service.js';

@Module({ imports: [ApiKeysModule], providers: [SessionsService], exports: [SessionsService] })
export class SessionsModule {}

import { Module } from '@nestjs/common';
import { TokensModule } from '../tokens/tokens.module.js';
import { ApiKeysService } from './api-keys.service.js';
import { Authenticator } from './authenticator.js';
import { CallerTokens } from './caller-tokens.js';
import { EndedSessions } from './ended-sessions.js';
import { KnownKeys } from './known-keys.js';
import { OperatorAccess } from './operator-access.js';

@Module({
  imports: [TokensModule],
  providers: [KnownKeys, EndedSessions, CallerTokens, Authenticator, OperatorAccess, ApiKeysService],
  exports: [CallerTokens, EndedSessions, Authenticator, OperatorAccess, ApiKeysService],
})
export class ApiKeysModule {}

import { Module } from '@nestjs/common';
import { ApiKeysService } from './api-keys.service.js';
import { Authenticator } from './authenticator.js';
import { OperatorAccess } from './operator-access.js';

@Module({
  providers: [Authenticator, OperatorAccess, ApiKeysService],
  exports: [Authenticator, OperatorAccess, ApiKeysService],
})
export class ApiKeysModule {}

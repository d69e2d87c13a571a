import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { OAuthService } from './oauth.service.js';

@Module({ imports: [ApiKeysModule], providers: [OAuthService], exports: [OAuthService] })
export class OAuthModule {}

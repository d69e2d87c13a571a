import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { PortalLinksService } from './portal-links.service.js';
import { PublicUrl } from './public-url.js';

@Module({ imports: [ApiKeysModule], providers: [PortalLinksService, PublicUrl], exports: [PortalLinksService] })
export class PortalLinksModule {}

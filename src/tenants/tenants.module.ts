import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { TenantRemovals } from './tenant-removals.service.js';
import { TenantsService } from './tenants.service.js';

@Module({
  imports: [ApiKeysModule],
  providers: [TenantsService, TenantRemovals],
  exports: [TenantsService, TenantRemovals],
})
export class TenantsModule {}

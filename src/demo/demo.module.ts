import { Module } from '@nestjs/common';
import { EndpointsModule } from '../endpoints/endpoints.module.js';
import { EventsModule } from '../events/events.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { DemoService } from './demo.service.js';

@Module({ imports: [TenantsModule, EndpointsModule, EventsModule], providers: [DemoService], exports: [DemoService] })
export class DemoModule {}

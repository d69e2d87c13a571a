import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeysModule } from './api-keys/api-keys.module.js';
import { AuthGuard } from './api-keys/auth.guard.js';
import { CoreModule } from './core.module.js';
import { DeadLettersController } from './dead-letters/dead-letters.controller.js';
import { DeadLettersModule } from './dead-letters/dead-letters.module.js';
import { DeliveriesController } from './deliveries/deliveries.controller.js';
import { DeliveriesModule } from './deliveries/deliveries.module.js';
import { EndpointsController } from './endpoints/endpoints.controller.js';
import { EndpointsModule } from './endpoints/endpoints.module.js';
import { EventsReaderController } from './events/events-reader.controller.js';
import { EventsModule } from './events/events.module.js';
import { PublishController } from './events/publish.controller.js';
import { HealthController } from './health/health.controller.js';
import { HealthService } from './health/health.service.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { QueueModule } from './queue/queue.module.js';
import { ReplaysController } from './replays/replays.controller.js';
import { ReplaysModule } from './replays/replays.module.js';
import { EndpointHealthController } from './stats/endpoint-health.controller.js';
import { StatsController } from './stats/stats.controller.js';
import { StatsModule } from './stats/stats.module.js';
import { TenantsController } from './tenants/tenants.controller.js';
import { TenantsModule } from './tenants/tenants.module.js';

/** The API: it alone registers the controllers. */
@Module({
  imports: [
    CoreModule,
    ApiKeysModule,
    TenantsModule,
    EndpointsModule,
    EventsModule,
    DeliveriesModule,
    DeadLettersModule,
    ReplaysModule,
    StatsModule,
    QueueModule,
  ],
  controllers: [
    TenantsController,
    ApiKeysController,
    // Before the endpoints' own, whose `:id` would take `health` for one.
    EndpointHealthController,
    EndpointsController,
    PublishController,
    EventsReaderController,
    DeliveriesController,
    DeadLettersController,
    ReplaysController,
    StatsController,
    HealthController,
    MetricsController,
  ],
  providers: [{ provide: APP_GUARD, useClass: AuthGuard }, HealthService],
})
export class ApiModule {}

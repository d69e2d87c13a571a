import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeysModule } from './api-keys/api-keys.module.js';
import { AuthGuard } from './api-keys/auth.guard.js';
import { AuditLogController } from './audit/audit-log.controller.js';
import { AuditModule } from './audit/audit.module.js';
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
import { InstallationMetrics } from './metrics/installation-metrics.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { OAuthController } from './oauth/oauth.controller.js';
import { OAuthModule } from './oauth/oauth.module.js';
import { PortalLinksController } from './portal-links/portal-links.controller.js';
import { PortalLinksModule } from './portal-links/portal-links.module.js';
import { QueueModule } from './queue/queue.module.js';
import { ReplaysController } from './replays/replays.controller.js';
import { ReplaysModule } from './replays/replays.module.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { DemoReceiverController } from './demo/demo-receiver.controller.js';
import { DemoController } from './demo/demo.controller.js';
import { DemoModule } from './demo/demo.module.js';
import { EndpointHealthController } from './stats/endpoint-health.controller.js';
import { StatsController } from './stats/stats.controller.js';
import { StatsModule } from './stats/stats.module.js';
import { StreamController } from './stream/stream.controller.js';
import { StreamModule } from './stream/stream.module.js';
import { SystemController } from './system/system.controller.js';
import { SystemModule } from './system/system.module.js';
import { TenantsController } from './tenants/tenants.controller.js';
import { TenantsModule } from './tenants/tenants.module.js';

/** The API: it alone registers the controllers. */
@Module({
  imports: [
    CoreModule,
    ApiKeysModule,
    OAuthModule,
    SessionsModule,
    TenantsModule,
    PortalLinksModule,
    EndpointsModule,
    EventsModule,
    DeliveriesModule,
    DeadLettersModule,
    ReplaysModule,
    StatsModule,
    StreamModule,
    SystemModule,
    DemoModule,
    AuditModule,
    QueueModule,
  ],
  controllers: [
    TenantsController,
    PortalLinksController,
    ApiKeysController,
    OAuthController,
    SessionsController,
    // Before the endpoints' own, whose `:id` would take `health` for one.
    EndpointHealthController,
    EndpointsController,
    PublishController,
    EventsReaderController,
    DeliveriesController,
    DeadLettersController,
    ReplaysController,
    StatsController,
    StreamController,
    SystemController,
    DemoController,
    DemoReceiverController,
    AuditLogController,
    HealthController,
    MetricsController,
  ],
  providers: [{ provide: APP_GUARD, useClass: AuthGuard }, HealthService, InstallationMetrics],
})
export class ApiModule {}

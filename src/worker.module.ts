import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiKeysModule } from './api-keys/api-keys.module.js';
import { AuthGuard } from './api-keys/auth.guard.js';
import { CircuitBreaker } from './circuit-breaker/circuit-breaker.js';
import { CircuitsInForce } from './circuit-breaker/circuits-in-force.js';
import { CoreModule } from './core.module.js';
import { AttemptMaker } from './delivery-worker/attempt-maker.js';
import { AttemptMetrics } from './delivery-worker/attempt-metrics.js';
import { CircuitGate } from './delivery-worker/circuit-gate.js';
import { DeliveryLimiter } from './delivery-worker/delivery-limiter.js';
import { DeliveryProcessor } from './delivery-worker/delivery-processor.js';
import { DeliveryStore } from './delivery-worker/delivery-store.js';
import { DeliveryWorker } from './delivery-worker/delivery-worker.service.js';
import { SigningMaterials } from './delivery-worker/signing-material.js';
import { EndpointsModule } from './endpoints/endpoints.module.js';
import { Feeder } from './feeder/feeder.service.js';
import { FeederModule } from './feeder/feeder.module.js';
import { HealthController } from './health/health.controller.js';
import { HealthService } from './health/health.service.js';
import { Maintenance } from './maintenance/maintenance.service.js';
import { InstallationMetrics } from './metrics/installation-metrics.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { OperationalEvents } from './operational-events/operational-events.js';
import { ReplayRunner } from './replays/replay-runner.service.js';
import { ReplaysModule } from './replays/replays.module.js';
import { SendingModule } from './sending/sending.module.js';
import { RollupModule } from './stats/rollup.module.js';
import { AttemptFeed } from './stream/attempt-feed.js';
import { Heartbeat } from './system/heartbeat.service.js';
import { TenantsModule } from './tenants/tenants.module.js';

/** The worker: it alone consumes the queue, feeds it, and does the upkeep. Its port serves health and metrics only. */
@Module({
  imports: [
    CoreModule,
    ApiKeysModule,
    TenantsModule,
    EndpointsModule,
    SendingModule,
    FeederModule,
    ReplaysModule,
    RollupModule,
  ],
  controllers: [HealthController, MetricsController],
  providers: [
    { provide: APP_GUARD, useClass: AuthGuard },
    HealthService,
    InstallationMetrics,
    Feeder,
    DeliveryStore,
    AttemptFeed,
    SigningMaterials,
    DeliveryLimiter,
    AttemptMaker,
    AttemptMetrics,
    CircuitGate,
    OperationalEvents,
    CircuitBreaker,
    CircuitsInForce,
    DeliveryProcessor,
    DeliveryWorker,
    Maintenance,
    ReplayRunner,
    Heartbeat,
  ],
})
export class WorkerModule {}

import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ApiKeysController } from '../../src/api-keys/api-keys.controller.js';
import { ApiKeysModule } from '../../src/api-keys/api-keys.module.js';
import { AuthGuard } from '../../src/api-keys/auth.guard.js';
import { SecretBoxModule } from '../../src/common/secret-box.module.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { DeliveriesController } from '../../src/deliveries/deliveries.controller.js';
import { DeliveriesModule } from '../../src/deliveries/deliveries.module.js';
import { EndpointsController } from '../../src/endpoints/endpoints.controller.js';
import { EndpointsModule } from '../../src/endpoints/endpoints.module.js';
import { AttemptMinute } from '../../src/metrics/attempt-minute.entity.js';
import { EndpointHealthController } from '../../src/stats/endpoint-health.controller.js';
import type { EndpointHealthDetailDto } from '../../src/stats/endpoint-health.dto.js';
import { noLatencies } from '../../src/stats/latency-buckets.js';
import { RollupModule } from '../../src/stats/rollup.module.js';
import { StatsController } from '../../src/stats/stats.controller.js';
import type { StatsDto } from '../../src/stats/stats.dto.js';
import { StatsModule } from '../../src/stats/stats.module.js';
import { TenantMinute } from '../../src/stats/tenant-minute.entity.js';
import { TenantsController } from '../../src/tenants/tenants.controller.js';
import { TenantsModule } from '../../src/tenants/tenants.module.js';
import { ApiApp, type Answer, type TestTenant } from './api-app.js';
import { seedDelivery, seedEvent } from './seed.js';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

/** As the API gives it: times as text. */
export type Json<T> = T extends Date ? string : T extends object ? { [Key in keyof T]: Json<T[Key]> } : T;

@Module({
  imports: [
    ConfigModule,
    DatabaseModule,
    SecretBoxModule,
    ApiKeysModule,
    TenantsModule,
    EndpointsModule,
    DeliveriesModule,
    RollupModule,
    StatsModule,
  ],
  controllers: [
    TenantsController,
    ApiKeysController,
    EndpointHealthController,
    EndpointsController,
    DeliveriesController,
    StatsController,
  ],
  providers: [{ provide: APP_GUARD, useClass: AuthGuard }],
})
class StatsApiModule {}

export const startStatsApi = (): Promise<ApiApp> => ApiApp.start({ module: StatsApiModule });

export const databaseUrlOf = (api: ApiApp): string => (api.db.options as { url: string }).url;

/** What counts in a process, with connections of its own. */
export async function startCounter(databaseUrl: string): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [TypeOrmModule.forRoot({ ...dataSourceOptions(databaseUrl, 2), retryAttempts: 0 }), RollupModule],
  }).compile();
  module.useLogger(false);
  return module.init();
}

/** A tenant with one endpoint, and shorthand for what the tests of statistics do with it. */
export class StatsTenant {
  private constructor(
    private readonly api: ApiApp,
    readonly tenant: TestTenant,
    public endpointId: string,
  ) {}

  static async create(api: ApiApp): Promise<StatsTenant> {
    const created = new StatsTenant(api, await api.createTenant(), '');
    created.endpointId = await created.newEndpoint();
    return created;
  }

  get id(): string {
    return this.tenant.id;
  }

  async newEndpoint(): Promise<string> {
    const endpoint = { url: 'https://hooks.example.com/' };
    return (await this.tenant.call<{ id: string }>('POST', '/endpoints', endpoint)).body.id;
  }

  async stats(window = '1h'): Promise<Json<StatsDto>> {
    return bodyOf(await this.tenant.call<Json<StatsDto>>('GET', `/stats?window=${window}`));
  }

  async health(id = this.endpointId): Promise<Json<EndpointHealthDetailDto>> {
    return bodyOf(await this.tenant.call<Json<EndpointHealthDetailDto>>('GET', `/endpoints/${id}/health`));
  }

  /** A minute's row of the tenant, as if it had been counted then. */
  async insertMinute(minutesAgo: number, values: Partial<TenantMinute>): Promise<void> {
    await this.api.db.getRepository(TenantMinute).insert({
      tenantId: this.id,
      minute: minuteBefore(minutesAgo),
      events: 0,
      deliveries: 0,
      succeeded: 0,
      deadLetter: 0,
      cancelled: 0,
      attemptsSucceeded: 0,
      attemptsFailed: 0,
      latencyCounts: noLatencies(),
      ...values,
    });
  }

  /** The same of the endpoint. */
  async insertAttempts(minutesAgo: number, values: Partial<AttemptMinute>): Promise<void> {
    await this.api.db.getRepository(AttemptMinute).insert({
      tenantId: this.id,
      endpointId: this.endpointId,
      minute: minuteBefore(minutesAgo),
      succeeded: 0,
      failed: 0,
      latencyCounts: noLatencies(),
      ...values,
    });
  }

  /** Deliveries to the endpoint, due unless said otherwise. */
  async seedDeliveries(count: number, values: Parameters<typeof seedDelivery>[3] = {}): Promise<void> {
    const event = await seedEvent(this.api.db, this.id);
    for (let n = 0; n < count; n++) await seedDelivery(this.api.db, event, this.endpointId, values);
  }
}

export function bodyOf<Body>({ status, body, text }: Answer<Body>): Body {
  if (status !== 200) throw new Error(text);
  return body;
}

const minuteBefore = (minutesAgo: number): Date =>
  new Date(Math.floor(Date.now() / MINUTE_MS - minutesAgo) * MINUTE_MS);

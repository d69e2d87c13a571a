import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiKeysController } from '../../src/api-keys/api-keys.controller.js';
import { ApiKeysModule } from '../../src/api-keys/api-keys.module.js';
import { AuthGuard } from '../../src/api-keys/auth.guard.js';
import { newId, newIdAfter } from '../../src/common/ids.js';
import { SecretBoxModule } from '../../src/common/secret-box.module.js';
import type { Config } from '../../src/config/config.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { DeadLettersController } from '../../src/dead-letters/dead-letters.controller.js';
import { DeadLettersModule } from '../../src/dead-letters/dead-letters.module.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import { EndpointsController } from '../../src/endpoints/endpoints.controller.js';
import { EndpointsModule } from '../../src/endpoints/endpoints.module.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import { ReplayStepper } from '../../src/replays/replay-stepper.service.js';
import { ReplaysController } from '../../src/replays/replays.controller.js';
import { ReplaysModule } from '../../src/replays/replays.module.js';
import { TenantsController } from '../../src/tenants/tenants.controller.js';
import { TenantsModule } from '../../src/tenants/tenants.module.js';
import { ApiApp, type Answer, type TestTenant } from './api-app.js';
import { waitFor } from './processes.js';
import { seedDeadLetter, seedDelivery, seedEvent } from './seed.js';

@Module({
  imports: [
    ConfigModule,
    DatabaseModule,
    SecretBoxModule,
    ApiKeysModule,
    TenantsModule,
    EndpointsModule,
    DeadLettersModule,
    ReplaysModule,
  ],
  controllers: [TenantsController, ApiKeysController, EndpointsController, DeadLettersController, ReplaysController],
  providers: [{ provide: APP_GUARD, useClass: AuthGuard }],
})
class ReplayApiModule {}

export interface ReplayBody {
  id: string;
  status: string;
  total: number;
  done: number;
  failed: number;
  created_at: string;
  finished_at: string | null;
  error: string | null;
}

export interface FreshRow {
  id: string;
  event_id: string;
  event_type: string;
  endpoint_id: string;
  dead_letter_id: string | null;
  max_attempts: number;
}

/** Before any event of a test. */
export const EPOCH = '2020-01-01T00:00:00Z';

/** The API and one worker's stepper, which a test turns by hand; a tenant with an endpoint for each test. */
export class ReplayScenario {
  tenant: TestTenant;
  endpointId: string;
  /** Deliveries that were there before the replay. */
  private seeded: string[] = [];

  private constructor(readonly api: ApiApp) {}

  static async start(config: Partial<Config> = {}): Promise<ReplayScenario> {
    return new ReplayScenario(await ApiApp.start({ module: ReplayApiModule, config }));
  }

  async begin(): Promise<void> {
    // What one test leaves running must not take the turns of the next.
    await this.api.db.query(`DELETE FROM replays WHERE status = 'running'`);
    this.tenant = await this.api.createTenant();
    this.endpointId = await this.createEndpoint();
    this.seeded = [];
  }

  close(): Promise<void> {
    return this.api.close();
  }

  async createEndpoint(settings: Record<string, unknown> = {}): Promise<string> {
    const endpoint = { url: 'https://hooks.example.com/', retry_policy: { preset: 'standard' }, ...settings };
    return (await this.tenant.call<{ id: string }>('POST', '/endpoints', endpoint)).body.id;
  }

  seedEvent(values: Partial<EventEntity> = {}): Promise<EventEntity> {
    return seedEvent(this.api.db, this.tenant.id, values);
  }

  /** As the worker leaves it: settled with a time, and a dead letter where it is dead. */
  async seedDelivery(
    event: EventEntity,
    status: Delivery['status'],
    at = this.endpointId,
    letter: Parameters<typeof seedDeadLetter>[3] = {},
    id = newIdAfter(event.id),
  ): Promise<{ id: string; letterId: string | null }> {
    const completedAt = status === 'pending' ? null : new Date();
    const delivery = await seedDelivery(this.api.db, event, at, { id, status, completedAt });
    this.seeded.push(delivery.id);
    if (status !== 'dead_letter') return { id: delivery.id, letterId: null };
    return { id: delivery.id, letterId: (await seedDeadLetter(this.api.db, event, delivery, letter)).id };
  }

  /** Events by the thousand, and settled deliveries of them where a status is given. @returns the events' ids */
  async seedMany(count: number, status: Delivery['status'] | null = null): Promise<string[]> {
    const ids = Array.from({ length: count }, newId);
    await this.api.db.query(
      `INSERT INTO events (id, tenant_id, event_type, payload, traceparent, created_at)
       SELECT id, $2, 'order.created', '{}', '00', now() FROM unnest($1::uuid[]) id`,
      [ids, this.tenant.id],
    );
    if (status === null) return ids;
    const deliveryIds = ids.map(newId);
    this.seeded.push(...deliveryIds);
    await this.api.db.query(
      `INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, event_type, status, max_attempts, completed_at)
       SELECT id, $3, event_id, $4, 'order.created', $5, 7, now()
       FROM unnest($1::uuid[], $2::uuid[]) AS d (id, event_id)`,
      [deliveryIds, ids, this.tenant.id, this.endpointId, status],
    );
    return ids;
  }

  ask(body: Record<string, unknown> = {}, endpointId = this.endpointId): Promise<Answer<ReplayBody>> {
    return this.tenant.call<ReplayBody>('POST', `/endpoints/${endpointId}/replay`, { since: EPOCH, ...body });
  }

  retryAll(filter: Record<string, unknown> = {}): Promise<Answer<ReplayBody>> {
    return this.tenant.call<ReplayBody>('POST', '/dead-letters/retry', filter);
  }

  async progress(id: string): Promise<ReplayBody> {
    return (await this.tenant.call<ReplayBody>('GET', `/replays/${id}`)).body;
  }

  step(): Promise<boolean> {
    return this.api.app.get(ReplayStepper).step();
  }

  /** As if the last chunk were long ago. */
  async makeDue(): Promise<void> {
    await this.api.db.query(`UPDATE replays SET updated_at = now() - interval '1 minute' WHERE status = 'running'`);
  }

  /** Steps, as a worker does, until the condition holds. */
  async stepUntil(id: string, isRight: (replay: ReplayBody) => boolean): Promise<ReplayBody> {
    let replay = await this.progress(id);
    await waitFor(
      async () => {
        if (!isRight(replay)) await this.step();
        replay = await this.progress(id);
        return isRight(replay);
      },
      { what: `replay ${id} to get there` },
    );
    return replay;
  }

  finish({ body }: Pick<Answer<ReplayBody>, 'body'>): Promise<ReplayBody> {
    return this.stepUntil(body.id, ({ status }) => status !== 'running');
  }

  /** The deliveries that replays made, in the order in which they enter the queue. All are due, and as good as new. */
  fresh(): Promise<FreshRow[]> {
    return this.api.db.query<FreshRow[]>(
      `SELECT id, event_id, event_type, endpoint_id, dead_letter_id, max_attempts FROM deliveries
       WHERE tenant_id = $1 AND id <> ALL($2::uuid[]) AND status = 'pending' AND leased_until IS NULL AND held_by IS NULL
         AND settled_status IS NULL AND attempts = 0 AND next_attempt_at <= now() + interval '1 s'
       ORDER BY next_attempt_at, id`,
      [this.tenant.id, this.seeded],
    );
  }

  async freshEvents(): Promise<string[]> {
    return (await this.fresh()).map(({ event_id }) => event_id);
  }

  async retriedLetters(): Promise<(string | null)[]> {
    return (await this.fresh()).map(({ dead_letter_id }) => dead_letter_id);
  }
}

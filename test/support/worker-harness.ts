import type { DeepPartial } from 'typeorm';
import { newId } from '../../src/common/ids.js';
import type { Delivery } from '../../src/deliveries/delivery.entity.js';
import { loadDeliveries, type LoadedDelivery } from '../../src/delivery-worker/load.query.js';
import type { Outcome } from '../../src/delivery-worker/outcome.js';
import type { MadeAttempt, Report } from '../../src/delivery-worker/record.query.js';
import type { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import type { LeasedDelivery } from '../../src/queue/delivery-queue.js';
import type { Tenant } from '../../src/tenants/tenant.entity.js';
import { Core, insertEndpoint, insertTenant, rowsOf } from './core.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { seedDelivery, seedEvent } from './seed.js';

/** A delivery's row, with its wait on the database's clock. */
export interface DeliveryState {
  status: string;
  settled_status: string | null;
  held_by: string | null;
  lease_no: number;
  leased_until: Date | null;
  attempts: number;
  last_status_code: number | null;
  last_error: string | null;
  tokens_booked: boolean;
  completed_at: Date | null;
  wait_seconds: number | null;
}

/** A worker's way to PostgreSQL on a database of the file's own; each scenario has a tenant, an endpoint and an event. */
export class WorkerHarness {
  core: Core;
  tenant: Tenant;
  endpoint: Endpoint;
  event: EventEntity;
  private database: TestDatabase;

  static use(): WorkerHarness {
    const harness = new WorkerHarness();
    beforeAll(async () => {
      harness.database = await createTestDatabase();
      harness.core = await Core.start(harness.database.url);
    });
    beforeEach(async () => {
      harness.tenant = await insertTenant(harness.core.db);
      harness.endpoint = await insertEndpoint(harness.core.db, harness.tenant.id);
      harness.event = await seedEvent(harness.core.db, harness.tenant.id);
    });
    afterAll(async () => {
      await harness.core.close();
      await harness.database.drop();
    });
    return harness;
  }

  get databaseUrl(): string {
    return this.database.url;
  }

  /** A delivery of the event under its first lease, for a minute. */
  leased(values: DeepPartial<Delivery> = {}): Promise<Delivery> {
    const leasedUntil = new Date(Date.now() + 60_000);
    return seedDelivery(this.core.db, this.event, this.endpoint.id, { leaseNo: 1, leasedUntil, ...values });
  }

  /** @throws Error when the job is void */
  async load(delivery: Delivery, leaseNo = 1): Promise<LoadedDelivery> {
    const loaded = (await loadDeliveries(this.core.db, [jobOf(delivery, leaseNo)])).get(delivery.id);
    if (loaded === undefined) throw new Error('The job is void');
    return loaded;
  }

  async stateOf({ id }: { id: string }): Promise<DeliveryState> {
    const [row] = await rowsOf<DeliveryState>(
      this.core.db,
      `SELECT *, extract(epoch FROM next_attempt_at - now())::float8 AS wait_seconds FROM deliveries WHERE id = $1`,
      [id],
    );
    if (row === undefined) throw new Error('No such delivery');
    return row;
  }

  attemptsOf({ id }: { id: string }): Promise<Record<string, unknown>[]> {
    return rowsOf(this.core.db, 'SELECT * FROM delivery_attempts WHERE delivery_id = $1 ORDER BY id', [id]);
  }

  lettersOf(eventId: string): Promise<Record<string, unknown>[]> {
    return rowsOf(this.core.db, 'SELECT * FROM dead_letters WHERE event_id = $1 ORDER BY id', [eventId]);
  }
}

export const jobOf = (delivery: Delivery, leaseNo = 1): LeasedDelivery => ({
  deliveryId: delivery.id,
  eventId: delivery.eventId,
  endpointId: delivery.endpointId,
  leaseNo,
});

/** An attempt that failed with a 500, unless said otherwise. */
export function attempt(values: Partial<MadeAttempt['result']> = {}): MadeAttempt {
  return {
    id: newId(),
    url: 'https://hooks.example.com/',
    requestHeaders: { 'content-type': 'application/json', 'x-token': '***' },
    result: {
      outcome: 'failed',
      statusCode: 500,
      error: { code: 'http_status', message: 'HTTP 500' },
      responseHeaders: { 'x-odd': ['a', '"b", {c}'] },
      responseBody: 'oh no, "really" {\\}',
      responseTruncated: false,
      retryAfterSeconds: null,
      durationMs: 1_234,
      ...values,
    },
  };
}
export const succeeded = (): MadeAttempt => attempt({ outcome: 'succeeded', statusCode: 204, error: null });

export const report = (delivery: LoadedDelivery, outcome: Outcome, made: MadeAttempt | null): Report => ({
  delivery,
  outcome,
  attempt: made,
  maxAttempts: 7,
});

export const DEAD: Outcome = { kind: 'dead_letter', reason: 'attempts_exhausted', disableEndpoint: false };

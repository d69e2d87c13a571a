import type { Config } from '../../src/config/config.js';
import type { Endpoint } from '../../src/endpoints/endpoint.entity.js';
import type { IngestOutcome, Submission } from '../../src/events/ingestor.js';
import type { Tenant } from '../../src/tenants/tenant.entity.js';
import { Core, insertEndpoint, insertTenant, rowsOf, submission } from './core.js';
import { createTestDatabase, type TestDatabase } from './database.js';

type Event = Partial<Submission['event']>;

/** A database for all scenarios of a file, and for each of them a tenant of its own with one endpoint. */
export class IngestHarness {
  core: Core;
  tenant: Tenant;
  endpoint: Endpoint;
  private database: TestDatabase;
  private readonly others: Core[] = [];

  static use(): IngestHarness {
    const harness = new IngestHarness();
    beforeAll(async () => {
      harness.database = await createTestDatabase();
      harness.core = await Core.start(harness.database.url);
    });
    beforeEach(async () => {
      harness.tenant = await insertTenant(harness.core.db);
      harness.endpoint = await insertEndpoint(harness.core.db, harness.tenant.id);
    });
    afterEach(async () => {
      await Promise.all(harness.others.splice(0).map((other) => other.close()));
    });
    afterAll(async () => {
      await harness.core.close();
      await harness.database.drop();
    });
    return harness;
  }

  /** Another process on the same database, until the end of the scenario. */
  async anotherCore(config: Partial<Config> = {}): Promise<Core> {
    const other = await Core.start(this.database.url, { config });
    this.others.push(other);
    return other;
  }

  post(event: Event = {}, key: string | null = null, through = this.core): Promise<IngestOutcome> {
    return through.ingestor.submit(submission(this.tenant.id, event, key));
  }

  async storedEvents(): Promise<number> {
    const sql = 'SELECT count(*)::int AS n FROM events WHERE tenant_id = $1';
    return (await rowsOf<{ n: number }>(this.core.db, sql, [this.tenant.id]))[0]?.n ?? -1;
  }

  /** `<kind> <key>`, in order. */
  async heldKeys(): Promise<string[]> {
    const sql = `SELECT kind || ' ' || key AS key FROM idempotency_keys WHERE tenant_id = $1 ORDER BY 1`;
    return (await rowsOf<{ key: string }>(this.core.db, sql, [this.tenant.id])).map(({ key }) => key);
  }

  deliveriesOf(eventId: string): Promise<DeliveryRow[]> {
    return rowsOf(
      this.core.db,
      `SELECT id, event_id, endpoint_id, status, held_by, lease_no, max_attempts, leased_until > now() IS TRUE AS is_leased,
         extract(epoch FROM next_attempt_at - created_at)::float8 AS wait_seconds
       FROM deliveries WHERE event_id = $1 ORDER BY endpoint_id`,
      [eventId],
    );
  }
}

export interface DeliveryRow {
  id: string;
  event_id: string;
  endpoint_id: string;
  status: string;
  held_by: string | null;
  lease_no: number;
  max_attempts: number;
  is_leased: boolean;
  wait_seconds: number | null;
}

/** The id of an event that was accepted or is a duplicate of one. */
export function idOf(outcome: IngestOutcome | undefined): string {
  if (outcome?.kind !== 'accepted' && outcome?.kind !== 'duplicate') throw new Error(`Not taken: ${outcome?.kind}`);
  return outcome.event.id;
}

export const countOf = (outcomes: IngestOutcome[], kind: IngestOutcome['kind']): number =>
  outcomes.filter((outcome) => outcome.kind === kind).length;

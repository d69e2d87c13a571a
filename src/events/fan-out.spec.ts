import { newId } from '../common/ids.js';
import { fanOut, newDelivery, type FanOutOptions } from './fan-out.js';
import type { FanOutEndpoint, NewEvent } from './ingest.query.js';

const TENANT_ID = newId();

const endpoint = (values: Partial<FanOutEndpoint> = {}): FanOutEndpoint => ({
  id: newId(),
  tenant_id: TENANT_ID,
  event_types: [],
  is_active: true,
  retry_policy: null,
  tenant_retry_policy: null,
  circuit_open: false,
  ...values,
});
const event = (): NewEvent => ({
  id: newId(),
  tenantId: TENANT_ID,
  eventId: null,
  eventType: 'order.created',
  source: null,
  payload: '{}',
  traceparent: '',
  createdAt: new Date(),
});
const idsOf = (result: ReturnType<typeof fanOut>): string[] =>
  result.ok ? result.endpoints.map(({ id }) => id) : result.unknownEndpointIds;

describe('where an event goes', () => {
  const all = endpoint();
  const orders = endpoint({ event_types: ['order.*'] });
  const users = endpoint({ event_types: ['user.created', 'user.deleted'] });
  const inactive = endpoint({ is_active: false });
  const endpoints = [all, orders, users, inactive];

  it('is every active endpoint that wants its type, when it names none', () => {
    expect(idsOf(fanOut('order.created', null, endpoints))).toEqual([all.id, orders.id]);
    expect(idsOf(fanOut('user.deleted', null, endpoints))).toEqual([all.id, users.id]);
  });

  it('is nowhere when nobody wants it', () => {
    expect(fanOut('order.created', null, [users, inactive])).toEqual({ ok: true, endpoints: [] });
    expect(fanOut('order.created', null, [])).toEqual({ ok: true, endpoints: [] });
  });

  it('is what it names, whatever type they want and though they are inactive', () => {
    expect(idsOf(fanOut('order.created', [users.id, inactive.id], endpoints))).toEqual([users.id, inactive.id]);
  });

  it('is nowhere at all when it names one that does not exist', () => {
    const unknown = newId();
    expect(fanOut('order.created', [all.id, unknown], endpoints)).toEqual({ ok: false, unknownEndpointIds: [unknown] });
  });
});

describe('a new delivery', () => {
  const asked: string[] = [];
  const options = (room: boolean): FanOutOptions => ({
    systemPolicy: { preset: 'quick' },
    admit: (_tenantId, endpointId) => {
      asked.push(endpointId);
      return room;
    },
  });
  const later = { max_attempts: 3, schedule_seconds: [60], jitter: 0 };
  beforeEach(() => asked.splice(0));

  it('goes to the queue when it is due at once and there is room', () => {
    const of = event();
    const delivery = newDelivery(of, endpoint(), options(true));
    expect(delivery).toMatchObject({ leased: true, heldBy: null, waitMs: 0, maxAttempts: 7, eventId: of.id });
    expect(delivery.id > of.id).toBe(true);
  });

  it.each<[string, Partial<FanOutEndpoint>, boolean, string | null]>([
    ['no room', {}, false, 'fairness'],
    ['an open circuit', { circuit_open: true }, true, 'circuit'],
    ['a disabled endpoint', { is_active: false }, true, 'disabled'],
    ['a disabled endpoint with an open circuit', { is_active: false, circuit_open: true }, true, 'disabled'],
    ['a first wait', { retry_policy: later }, true, null],
    ['a first wait before an open circuit', { retry_policy: later, circuit_open: true }, true, null],
    ['a first wait before a disabled endpoint', { retry_policy: later, is_active: false }, true, 'disabled'],
  ])('stays in PostgreSQL for %s', (_why, values, room, heldBy) => {
    const delivery = newDelivery(event(), endpoint(values), options(room));
    expect(delivery).toMatchObject({ leased: false, heldBy });
  });

  it('takes no place in the queue that it will not use', () => {
    for (const values of [{ is_active: false }, { circuit_open: true }, { retry_policy: later }]) {
      newDelivery(event(), endpoint(values), options(true));
    }
    expect(asked).toEqual([]);
  });

  it("follows the endpoint's policy, else its tenant's, else the system's", () => {
    const own = { max_attempts: 2, schedule_seconds: [5], jitter: 0 };
    const tenants = { max_attempts: 4, schedule_seconds: [9], jitter: 0 };
    const of = (values: Partial<FanOutEndpoint>) => newDelivery(event(), endpoint(values), options(true));
    expect(of({ retry_policy: own, tenant_retry_policy: tenants })).toMatchObject({ maxAttempts: 2, waitMs: 5_000 });
    expect(of({ tenant_retry_policy: tenants })).toMatchObject({ maxAttempts: 4, waitMs: 9_000 });
    expect(of({})).toMatchObject({ maxAttempts: 7, waitMs: 0 });
  });
});

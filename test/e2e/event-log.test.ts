import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

interface Line {
  level: number;
  msg: string;
  request_id?: string;
  event_id?: string;
  [field: string]: unknown;
}

const linesOf = (logs: string): Line[] =>
  logs
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line);

describe('log lines of events', () => {
  const installation = useInstallation({ backend: 'postgres' });

  it('tell of an event, its attempts and its end, by ids, and nothing of what is in it', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    hooks.respond('/log/refusing?token=in-the-url', () => ({ status: 410 }));
    const fine = await acme.createEndpoint(hooks.url('/log/fine'), { headers: { 'X-Own': 'in-a-header' } });
    const refusing = await acme.createEndpoint(hooks.url('/log/refusing?token=in-the-url'));
    const answer = await acme.call<{ id: string }>('POST', '/events', {
      body: { event_type: 'order.created', payload: { note: 'in-the-payload' } },
      headers: { 'x-request-id': 'request-of-the-test' },
    });
    const eventId = answer.body.id;
    const ofEvent = (): Line[] => linesOf(posthaste.logs()).filter(({ event_id }) => event_id === eventId);
    await waitFor(() => ofEvent().length >= 5, { what: 'the lines' });

    const lines = ofEvent();
    const of = (msg: string): Line[] => lines.filter((line) => line.msg === msg);
    expect(lines).toHaveLength(5);
    expect(new Set(lines.map(({ level }) => level))).toEqual(new Set([30]));
    const { id: tenant_id } = acme;
    expect(of('event accepted')).toEqual([
      expect.objectContaining({
        request_id: 'request-of-the-test',
        tenant_id,
        event_type: 'order.created',
        deliveries: 2,
        duplicate: false,
      }),
    ]);
    const attempts = new Map(of('attempt made').map((line) => [line.endpoint_id, line]));
    expect(attempts.get(fine.id)).toMatchObject({ tenant_id, attempt: 1, outcome: 'succeeded', status_code: 200 });
    expect(attempts.get(fine.id)?.duration_ms).toEqual(expect.any(Number));
    expect(attempts.get(refusing.id)).toMatchObject({ outcome: 'failed', status_code: 410, error: 'http_status' });
    const ends = new Map(of('delivery settled').map((line) => [line.endpoint_id, line]));
    expect(ends.get(fine.id)).toMatchObject({ tenant_id, status: 'succeeded', attempts: 1, reason: null });
    expect(ends.get(refusing.id)).toMatchObject({ status: 'dead_letter', attempts: 1, reason: 'gone' });
    for (const delivery of ends.values()) expect(delivery.delivery_id).toEqual(expect.any(String));

    for (const secret of ['in-the-payload', 'in-a-header', 'in-the-url', fine.secret ?? '', acme.key]) {
      expect(posthaste.logs()).not.toContain(secret);
    }
  });
});

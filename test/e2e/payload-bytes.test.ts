import { createDataSource } from '../../src/database/data-source.js';
import { ensurePartitions } from '../../src/database/partitions.js';
import type { BatchBody, DeliveryBody, PublishBody, TenantClient } from '../support/api-client.js';
import { describeBackends } from '../support/backends.js';
import { useInstallation } from '../support/installation.js';

/** Everything that parsing and writing again would change. */
const AWKWARD =
  '{  "z":12345678901234567890 ,"a":1.0,\t"e":1e2,"E":1E+2,"neg":-0.0,\r\n"escaped":"\\u00e9","plain":"é","__proto__":{"x":1},' +
  '"constructor":{"prototype":null},"10":"ten","9":"nine","emoji":"😀","pair":"\\ud83d\\ude00","lone":"\\ud800","low":"\\udc00x",' +
  '"twice":1,"twice":2,"slash":"\\/","nul":"\\u0000","sep":"\u2028","list" : [ 1 ,\n 2 , [ ] , { } ] ,"empty":"" }';

const PAYLOADS = [AWKWARD, '1.0', '12345678901234567890', '"\\u00e9"', '[ ]', 'null', '" data\\": "'];

describeBackends('payload bytes', (backend) => {
  const installation = useInstallation({ backend });

  const publishRaw = (acme: TenantClient, payload: string): Promise<PublishBody> =>
    acme.post<PublishBody>('/events', `{ "payload" :  ${payload} , "event_type":"order.created"}`);
  const bodies = (path: string): string[] => installation.hooks.at(path).map(({ body }) => body.toString('latin1'));
  /** As bytes, one character each: what is no UTF-8 would not go unnoticed. */
  const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');
  const rawOf = async (acme: TenantClient, path: string): Promise<string> => (await acme.call('GET', path)).text;

  it.each(PAYLOADS)('arrive as published: %j', async (payload) => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    await acme.createEndpoint(hooks.url(`/${acme.id}/payload`), { format: 'payload' });
    await acme.createEndpoint(hooks.url(`/${acme.id}/envelope`));
    const event = await publishRaw(acme, payload);
    await acme.settled(event.id);

    expect(bodies(`/${acme.id}/payload`)).toEqual([bytesOf(payload)]);
    const head = `{"id":"${event.id}","type":"order.created","timestamp":"${event.created_at}","data":`;
    expect(bodies(`/${acme.id}/envelope`)).toEqual([bytesOf(`${head}${payload}}`)]);
    expect(await rawOf(acme, `/events/${event.id}`)).toContain(`"payload":${payload}`);
  });

  it('arrive as published in a batch', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    await acme.createEndpoint(hooks.url(`/${acme.id}`), { format: 'payload' });
    const events = PAYLOADS.map((payload) => `{"event_type":"order.created", "payload":${payload}\n}`);
    const answer = await acme.post<BatchBody>('/events/batch', `{"events" : [ ${events.join(' , ')} ]}`);
    expect(answer.accepted).toBe(PAYLOADS.length);
    await Promise.all(answer.results.map(({ id }) => acme.settled(id ?? '')));
    expect(bodies(`/${acme.id}`).sort()).toEqual(PAYLOADS.map(bytesOf).sort());
  });

  it('stay the same over retries and a replay, and where the attempts show them', async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const path = `/${acme.id}`;
    hooks.respond(path, (_hook, nth) => ({ status: nth === 1 ? 500 : 200 }));
    await acme.createEndpoint(hooks.url(path), { retry_policy: { max_attempts: 2, schedule_seconds: [0] } });
    const event = await publishRaw(acme, AWKWARD);
    const [delivery] = await acme.settled(event.id);
    await acme.post(`/events/${event.id}/replay`);
    const deliveries = await acme.settled(event.id);

    expect(deliveries.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
    const [first, ...others] = bodies(path);
    expect(first).toContain(bytesOf(`"data":${AWKWARD}}`));
    expect(others).toEqual([first, first]);
    const attempts = await acme.attemptsOf(delivery?.id ?? '');
    expect(attempts.map(({ request }) => bytesOf(request.body ?? ''))).toEqual([first, first]);
  });

  // The last one: it takes away the events of all the others.
  it("stay the same when a dead letter is retried after its event's partition was dropped", async () => {
    const { posthaste, hooks } = installation;
    const acme = await posthaste.operator.createTenant();
    const path = `/${acme.id}`;
    hooks.respond(path, (_hook, nth) => ({ status: nth <= 2 ? 500 : 200 }));
    await acme.createEndpoint(hooks.url(path), { retry_policy: { max_attempts: 1, schedule_seconds: [0] } });
    const event = await publishRaw(acme, AWKWARD);
    const [delivery] = (await acme.settled(event.id)) as [DeliveryBody];
    const letter = await acme.deadLetterOf(delivery);

    const [partition] = await posthaste.query<{ name: string }>(
      'SELECT tableoid::regclass::text AS name FROM events WHERE id = $1',
      [event.id],
    );
    await posthaste.query(`DROP TABLE ${partition?.name}`);
    const db = await createDataSource(posthaste.databaseUrl).initialize();
    await ensurePartitions(db).finally(() => db.destroy());
    expect(await acme.call('GET', `/events/${event.id}`)).toMatchObject({ status: 404 });
    expect(await rawOf(acme, `/dead-letters/${letter.id}`)).toContain(`"payload":${AWKWARD}`);

    // Once more in vain, so that the letter is written to again, and then with success.
    for (const status of ['dead_letter', 'succeeded'] as const) {
      const fresh = await acme.post<DeliveryBody>(`/dead-letters/${letter.id}/retry`);
      await acme.waitForStatus(fresh.id, status);
      expect((await acme.attemptsOf(fresh.id)).map(({ request }) => bytesOf(request.body ?? ''))).toEqual([
        bodies(path)[0],
      ]);
    }
    expect(await rawOf(acme, `/dead-letters/${letter.id}`)).toContain(`"payload":${AWKWARD}`);
    const [first, ...others] = bodies(path);
    expect(first).toContain(bytesOf(`"data":${AWKWARD}}`));
    expect(others).toEqual([first, first]);
  });
});

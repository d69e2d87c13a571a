import { randomUUID } from 'node:crypto';
import type { Answer, BatchBody, NewEvent, PublishBody, TenantClient } from '../support/api-client.js';
import { describeBackends } from '../support/backends.js';
import { useInstallation } from '../support/installation.js';

const ORDER: NewEvent & { event_type: string } = { event_type: 'order.created', payload: { total: 1 } };
const CONFLICT = { status: 422, body: { type: 'urn:posthaste:problem:idempotency_conflict' } };

describeBackends('idempotency', (backend) => {
  const installation = useInstallation({ backend, apis: 2 });

  const startTenant = async (): Promise<{ acme: TenantClient; path: string }> => {
    const { posthaste, hooks } = installation;
    const path = `/${randomUUID()}`;
    const acme = await posthaste.operator.createTenant();
    await acme.createEndpoint(hooks.url(path));
    return { acme, path };
  };
  const post = (acme: TenantClient, event: object, key?: string): Promise<Answer<PublishBody>> =>
    acme.call<PublishBody>('POST', '/events', {
      body: event,
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });

  it('answers the same event posted again with the first answer, and delivers it once', async () => {
    const { acme, path } = await startTenant();
    const first = await post(acme, { ...ORDER, event_id: 'order-1' }, 'key-1');
    const again = await post(acme, { ...ORDER, event_id: 'order-1' }, 'key-1');
    expect(first).toMatchObject({ status: 202, body: { duplicate: false, deliveries: 1 } });
    expect(again).toMatchObject({ status: 202, body: { ...first.body, duplicate: true } });

    await acme.settled(first.body.id);
    expect(installation.hooks.at(path)).toHaveLength(1);
    expect(await acme.list('/events')).toHaveLength(1);
  });

  it('compares the payload as text: other bytes of the same value are another content', async () => {
    const { acme } = await startTenant();
    const body = (payload: string): string =>
      `{"event_type":"order.created","event_id":"order-1","payload":${payload}}`;
    expect(await acme.call('POST', '/events', { body: body('{"total":1.0}') })).toMatchObject({ status: 202 });
    expect(await acme.call('POST', '/events', { body: body('{"total":1.0}') })).toMatchObject({
      body: { duplicate: true },
    });
    expect(await acme.call('POST', '/events', { body: body('{"total":1}') })).toMatchObject(CONFLICT);
  });

  it.each([
    ['payload', { payload: { total: 2 } }],
    ['type', { event_type: 'order.paid' }],
    ['source', { source: 'shop' }],
  ])('refuses another %s under a key that is taken', async (_what, change) => {
    const { acme } = await startTenant();
    await post(acme, { ...ORDER, event_id: 'order-1' }, 'key-1');
    expect(await post(acme, { ...ORDER, ...change, event_id: 'order-1' })).toMatchObject(CONFLICT);
    expect(await post(acme, { ...ORDER, ...change }, 'key-1')).toMatchObject(CONFLICT);
    expect(await acme.list('/events')).toHaveLength(1);
  });

  it('takes endpoint_ids as a set', async () => {
    const { acme } = await startTenant();
    const ids = [];
    for (const name of ['a', 'b']) ids.push((await acme.createEndpoint(installation.hooks.url(`/${name}`))).id);
    await post(acme, { ...ORDER, event_id: 'order-1', endpoint_ids: ids });
    const swapped = await post(acme, { ...ORDER, event_id: 'order-1', endpoint_ids: [...ids].reverse() });
    expect(swapped).toMatchObject({ status: 202, body: { duplicate: true } });
    expect(await post(acme, { ...ORDER, event_id: 'order-1', endpoint_ids: ids.slice(1) })).toMatchObject(CONFLICT);
  });

  it('keeps event_id and Idempotency-Key in name spaces of their own, and checks both', async () => {
    const { acme } = await startTenant();
    const byId = await post(acme, { ...ORDER, event_id: 'same' });
    const byKey = await post(acme, ORDER, 'same');
    expect(byKey.body).toMatchObject({ duplicate: false });
    expect(byKey.body.id).not.toBe(byId.body.id);

    const bothHeld = await post(acme, { ...ORDER, event_id: 'same' }, 'fresh');
    expect(bothHeld.body).toMatchObject({ duplicate: true, id: byId.body.id });
    // The duplicate gave its other key back: it is still free for another content.
    expect(await post(acme, { ...ORDER, payload: 'other' }, 'fresh')).toMatchObject({ body: { duplicate: false } });
    expect(await acme.list('/events')).toHaveLength(3);
  });

  it("keeps tenants' keys apart", async () => {
    const [{ acme }, { acme: other }] = [await startTenant(), await startTenant()];
    await post(acme, { ...ORDER, event_id: 'order-1' }, 'key-1');
    const theirs = await post(other, { ...ORDER, payload: 'other', event_id: 'order-1' }, 'key-1');
    expect(theirs).toMatchObject({ status: 202, body: { duplicate: false } });
  });

  it('accepts one of fifty identical posts at once, and delivers it once', async () => {
    const { acme, path } = await startTenant();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post(acme, { ...ORDER, event_id: 'order-1' }, 'key-1')),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(202));
    expect(answers.filter(({ body }) => !body.duplicate)).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    await acme.settled(answers[0]?.body.id ?? '');
    expect(installation.hooks.at(path)).toHaveLength(1);
    expect(await acme.list('/deliveries')).toHaveLength(1);
  });

  it('accepts one of many posts that race for keys at two API processes', async () => {
    const { acme, path } = await startTenant();
    const [here, there] = installation.posthaste.apis.map(({ url }) => acme.at(url)) as [TenantClient, TenantClient];
    const answers = await Promise.all(
      // Ten events, each three times here and there, in opposite orders: batches overlap crosswise.
      Array.from({ length: 30 }, (_, index) => [
        post(here, { ...ORDER, event_id: `order-${index % 10}` }),
        post(there, { ...ORDER, event_id: `order-${9 - (index % 10)}` }),
      ]).flat(),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(202));
    expect(answers.filter(({ body }) => !body.duplicate)).toHaveLength(10);
    const ids = [...new Set(answers.map(({ body }) => body.id))];
    expect(ids).toHaveLength(10);
    await Promise.all(ids.map((id) => acme.settled(id)));
    expect(installation.hooks.at(path)).toHaveLength(10);
  });

  it('settles a race of two contents for one key: one is accepted, the other refused', async () => {
    const { acme } = await startTenant();
    const [here, there] = installation.posthaste.apis.map(({ url }) => acme.at(url)) as [TenantClient, TenantClient];
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(
        [here, there].map((at, index) => post(at, { ...ORDER, payload: index, event_id: `race-${round}` })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 422]);
    }
  });

  it('gives each event of a batch its own outcome, in order', async () => {
    const { acme, path } = await startTenant();
    const taken = await acme.publish({ event_id: 'taken' });
    const answer = await acme.post<BatchBody>('/events/batch', {
      events: [
        { ...ORDER, event_id: 'new' },
        { ...ORDER, event_id: 'new' },
        { event_type: 'not a type', payload: 1 },
        { ...ORDER, event_id: 'taken' },
        { ...ORDER, event_id: 'taken', payload: 'other' },
        { ...ORDER, payload: 'x'.repeat(256 * 1024) },
        { ...ORDER, typo: 1 },
        { ...ORDER, endpoint_ids: [randomUUID()] },
        'no event',
        ORDER,
      ],
    });
    expect(answer).toMatchObject({ accepted: 2, duplicates: 2, rejected: 6 });
    expect(answer.results.map(({ index, status, error }) => [index, status, error?.status])).toEqual([
      [0, 'accepted', undefined],
      [1, 'duplicate', undefined],
      [2, 'rejected', 422],
      [3, 'duplicate', undefined],
      [4, 'rejected', 422],
      [5, 'rejected', 413],
      [6, 'rejected', 422],
      [7, 'rejected', 422],
      [8, 'rejected', 422],
      [9, 'accepted', undefined],
    ]);
    const idAt = (index: number): string => answer.results[index]?.id ?? '';
    expect(idAt(1)).toBe(idAt(0));
    expect(idAt(3)).toBe(taken.id);
    await Promise.all([taken.id, idAt(0), idAt(9)].map((id) => acme.settled(id)));
    expect(installation.hooks.at(path)).toHaveLength(3);
  });
});

import { randomUUID } from 'node:crypto';
import { refusedFields, type Answer } from '../support/api-app.js';
import { EPOCH, ReplayScenario, type ReplayBody } from '../support/replay-scenario.js';

let scenario: ReplayScenario;
beforeAll(async () => {
  scenario = await ReplayScenario.start();
});
beforeEach(() => scenario.begin());
afterAll(() => scenario.close());

describe('retrying dead letters by a filter', () => {
  /** @returns the letter of an event and delivery of its own */
  const letterOf = async (
    values: Parameters<typeof scenario.seedDelivery>[3] = {},
    at = scenario.endpointId,
  ): Promise<string> => {
    const event = await scenario.seedEvent({ eventType: values.eventType ?? 'order.created' });
    return (await scenario.seedDelivery(event, 'dead_letter', at, values)).letterId ?? '';
  };

  it('makes fresh deliveries of all that are unresolved, oldest first, even without their events', async () => {
    const letters = [await letterOf(), await letterOf(), await letterOf()];
    await letterOf({ resolvedAt: new Date(), resolution: 'resolved' });
    await scenario.api.db.query('DELETE FROM events WHERE tenant_id = $1', [scenario.tenant.id]);
    const answer = await scenario.retryAll();
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ status: 'running', total: 3, done: 0, failed: 0 });
    expect(await scenario.finish(answer)).toMatchObject({ status: 'completed', done: 3, failed: 0 });
    expect(await scenario.retriedLetters()).toEqual(letters);
    expect((await scenario.fresh()).map(({ max_attempts }) => max_attempts)).toEqual([5, 5, 5]);
  });

  it('keeps to each field of its filter', async () => {
    const elsewhere = await scenario.createEndpoint();
    const letters = {
      endpoint: await letterOf({}, elsewhere),
      type: await letterOf({ eventType: 'order.paid' }),
      reason: await letterOf({ reason: 'gone' }),
    };
    const filters = [
      [{ endpoint_id: elsewhere }, letters.endpoint],
      [{ event_type: 'order.paid' }, letters.type],
      [{ reason: 'gone' }, letters.reason],
    ] as const;
    for (const [filter, letter] of filters) {
      const before = await scenario.retriedLetters();
      expect(await scenario.finish(await scenario.retryAll(filter))).toMatchObject({ total: 1, done: 1 });
      expect((await scenario.retriedLetters()).filter((id) => !before.includes(id))).toEqual([letter]);
    }
    expect((await scenario.retryAll({ before: '2020-01-01T00:00:00Z' })).body).toMatchObject({
      status: 'completed',
      total: 0,
    });
    expect((await scenario.retryAll({ after: EPOCH })).body.total).toBe(3);
    expect((await scenario.retryAll({ endpoint_id: randomUUID() })).body.total).toBe(0);
  });

  it('counts as failed what a single retry would refuse', async () => {
    const [pending, deleted, inactive] = [
      await scenario.createEndpoint(),
      await scenario.createEndpoint(),
      await scenario.createEndpoint(),
    ];
    const again = await letterOf({}, pending);
    expect((await scenario.tenant.call('POST', `/dead-letters/${again}/retry`)).status).toBe(202);
    await letterOf({}, deleted);
    await letterOf({}, inactive);
    await scenario.tenant.call('DELETE', `/endpoints/${deleted}`);
    await scenario.tenant.call('PATCH', `/endpoints/${inactive}`, { is_active: false });
    const good = await letterOf();
    expect(await scenario.finish(await scenario.retryAll())).toMatchObject({
      status: 'completed',
      total: 4,
      done: 1,
      failed: 3,
    });
    expect((await scenario.retriedLetters()).sort()).toEqual([again, good].sort());
  });

  it('makes one delivery of a letter that two replays and a person want at once', async () => {
    const letter = await letterOf();
    const replays = await Promise.all([scenario.retryAll(), scenario.retryAll()]);
    await scenario.makeDue();
    const [single] = await Promise.all([
      scenario.tenant.call('POST', `/dead-letters/${letter}/retry`),
      scenario.step(),
      scenario.step(),
    ]);
    const ended = await Promise.all(replays.map((replay) => scenario.finish(replay)));
    const made = ended.reduce((sum, { done }) => sum + done, 0) + (single.status === 202 ? 1 : 0);
    expect(made).toBe(1);
    expect(await scenario.retriedLetters()).toEqual([letter]);
  });

  it('does not take in letters that come or are resolved after the request', async () => {
    const resolved = await letterOf();
    const kept = await letterOf();
    const answer = await scenario.retryAll();
    await letterOf();
    await scenario.tenant.call('POST', `/dead-letters/${resolved}/resolve`);
    expect(await scenario.finish(answer)).toMatchObject({ status: 'completed', total: 2, done: 1, failed: 0 });
    expect(await scenario.retriedLetters()).toEqual([kept]);
  });

  it("leaves another tenant's alone", async () => {
    const letter = await letterOf();
    const stranger = await scenario.api.createTenant();
    const { body } = await stranger.call<ReplayBody>('POST', '/dead-letters/retry', {
      endpoint_id: scenario.endpointId,
    });
    expect(body).toMatchObject({ status: 'completed', total: 0 });
    expect(await scenario.finish(await scenario.retryAll())).toMatchObject({ total: 1 });
    expect(await scenario.retriedLetters()).toEqual([letter]);
  });

  it.each([
    ['a filter it does not know', { resolved: true }, 'resolved'],
    ['a reason there is not', { reason: 'bored' }, 'reason'],
    ['a range that ends before it begins', { after: '2026-01-02T00:00:00Z', before: EPOCH }, 'after'],
  ])('refuses %s', async (_name, filter, field) => {
    const answer = await scenario.retryAll(filter);
    expect(answer.status).toBe(422);
    expect(refusedFields(answer as unknown as Answer)).toEqual([field]);
  });
});

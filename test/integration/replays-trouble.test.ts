import { waitFor } from '../support/processes.js';
import { ReplayScenario, type ReplayBody } from '../support/replay-scenario.js';

let scenario: ReplayScenario;
beforeAll(async () => {
  scenario = await ReplayScenario.start();
});
beforeEach(() => scenario.begin());
afterAll(() => scenario.close());

describe('a replay that meets trouble', () => {
  it.each([
    ['deleted', () => scenario.tenant.call('DELETE', `/endpoints/${scenario.endpointId}`)],
    ['disabled', () => scenario.tenant.call('PATCH', `/endpoints/${scenario.endpointId}`, { is_active: false })],
  ])('ends when its endpoint is %s, and counts the rest as failed', async (what, change) => {
    await scenario.seedMany(450, 'succeeded');
    const { body } = await scenario.ask({ status: 'succeeded' });
    await scenario.stepUntil(body.id, ({ done }) => done > 0);
    await change();
    const ended = await scenario.stepUntil(body.id, ({ status }) => status !== 'running');
    expect(ended).toMatchObject({ status: 'failed', total: 450, done: 200, failed: 250 });
    expect(ended.error).toBe(`The endpoint was ${what}.`);
    expect(ended.finished_at).not.toBeNull();
  });

  it('is gone with its tenant', async () => {
    await scenario.seedMany(250, 'succeeded');
    const { body } = await scenario.ask({ status: 'succeeded' });
    await scenario.stepUntil(body.id, ({ done }) => done > 0);
    expect((await scenario.api.call('DELETE', `/tenants/${scenario.tenant.id}`)).status).toBe(204);
    expect(await scenario.api.db.query('SELECT FROM replays WHERE id = $1', [body.id])).toEqual([]);
    expect(await scenario.step()).toBe(false);
  });

  it('waits while its tenant is suspended', async () => {
    await scenario.seedMany(250, 'succeeded');
    const { body } = await scenario.ask({ status: 'succeeded' });
    await scenario.stepUntil(body.id, ({ done }) => done > 0);
    await scenario.api.call('PATCH', `/tenants/${scenario.tenant.id}`, { body: { status: 'suspended' } });
    await scenario.makeDue();
    expect(await scenario.step()).toBe(false);
    await scenario.api.call('PATCH', `/tenants/${scenario.tenant.id}`, { body: { status: 'active' } });
    expect(await scenario.finish({ body })).toMatchObject({ status: 'completed', done: 250 });
  });

  it('takes back the whole chunk when it fails, tries it again, and gives up after twenty failures in a row', async () => {
    await scenario.seedMany(250, 'succeeded');
    const { body } = await scenario.ask({ status: 'succeeded' });
    await scenario.stepUntil(body.id, ({ done }) => done === 200);
    await scenario.api.db.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no secrets for tenants'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON deliveries FOR EACH ROW EXECUTE FUNCTION refuse()`);
    try {
      const failOnce = async (): Promise<ReplayBody> => {
        await scenario.makeDue();
        expect(await scenario.step()).toBe(true);
        return scenario.progress(body.id);
      };
      for (let n = 1; n <= 19; n++) {
        expect(await failOnce()).toMatchObject({ status: 'running', done: 200, failed: 0, error: null });
      }
      // Put off, so that it doesn't stand in front of the others.
      expect(await scenario.step()).toBe(false);
      const ended = await failOnce();
      expect(ended).toMatchObject({ status: 'failed', total: 250, done: 200, failed: 50 });
      expect(ended.error).not.toContain('secrets');
    } finally {
      await scenario.api.db.query('DROP FUNCTION refuse CASCADE');
    }
    expect(await scenario.fresh()).toHaveLength(200);
  });

  it('goes on where it was after a failure', async () => {
    await scenario.seedMany(250, 'succeeded');
    const { body } = await scenario.ask({ status: 'succeeded' });
    await scenario.api.db.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'once'; END $$;
      CREATE TRIGGER refuse AFTER UPDATE ON replays FOR EACH ROW WHEN (NEW.done > OLD.done) EXECUTE FUNCTION refuse()`);
    await waitFor(() => scenario.step(), { what: 'a chunk that fails after its deliveries were made' });
    expect(await scenario.progress(body.id)).toMatchObject({ status: 'running', done: 0 });
    expect(await scenario.fresh()).toEqual([]);
    await scenario.api.db.query('DROP FUNCTION refuse CASCADE');
    expect(await scenario.finish({ body })).toMatchObject({
      status: 'completed',
      done: 250,
      failed: 0,
    });
    expect(new Set(await scenario.freshEvents()).size).toBe(250);
    expect(await scenario.fresh()).toHaveLength(250);
  });

  it('is paced, lets others take turns, and never runs twice at once', async () => {
    await scenario.seedMany(450, 'succeeded');
    const one = (await scenario.ask({ status: 'succeeded' })).body.id;
    const two = (await scenario.ask({}, await scenario.createEndpoint())).body.id;
    await scenario.makeDue();
    // The third and the fourth find nothing that is due: both have just had their chunk, or are having it.
    expect(
      (await Promise.all([scenario.step(), scenario.step(), scenario.step(), scenario.step()])).filter(Boolean),
    ).toHaveLength(2);
    expect([(await scenario.progress(one)).done, (await scenario.progress(two)).done]).toEqual([200, 200]);
  });
});

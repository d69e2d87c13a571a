import request from 'supertest';
import { describeRedis } from '../support/backends.js';
import { HookServer } from '../support/hook-server.js';
import { startPosthaste } from '../support/posthaste.js';
import { waitFor } from '../support/processes.js';
import { startRedis } from '../support/redis-server.js';

describeRedis('while Redis is away', () => {
  it('is ready but degraded, takes events, and delivers them when Redis is back', async () => {
    const hooks = await HookServer.start();
    let redis = await startRedis();
    const posthaste = await startPosthaste({ backend: 'redis', redisUrl: redis.url });
    try {
      const acme = await posthaste.operator.createTenant();
      await acme.createEndpoint(hooks.url('/'));
      await acme.settled((await acme.publish()).id);
      const ready = async (): Promise<string> => {
        const response = await request(posthaste.url).get('/health/ready');
        return `${response.status} ${(response.body as { status: string }).status}`;
      };
      expect(await ready()).toBe('200 ready');

      await redis.stop();
      await waitFor(async () => (await ready()) === '200 degraded', { what: 'readiness to say degraded' });
      const events = [];
      for (let n = 0; n < 5; n++) events.push(await acme.publish());
      expect(hooks.received).toHaveLength(1);

      redis = await startRedis({ port: redis.port });
      for (const { id } of events) expect(await acme.settled(id)).toMatchObject([{ status: 'succeeded', attempts: 1 }]);
      expect(
        hooks.received
          .map(({ headers }) => headers['webhook-id'])
          .slice(1)
          .sort(),
      ).toEqual(events.map(({ id }) => id));
      await waitFor(async () => (await ready()) === '200 ready', { what: 'readiness to be back' });
    } finally {
      await posthaste.stop();
      await redis.stop();
      await hooks.close();
    }
  });
});

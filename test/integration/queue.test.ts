import { Redis } from 'ioredis';
import { newId } from '../../src/common/ids.js';
import { Config } from '../../src/config/config.js';
import { DeliveryQueue, type LeasedDelivery } from '../../src/queue/delivery-queue.js';
import { QueueBackend } from '../../src/queue/queue-backend.js';
import { describeBackends, describeRedis } from '../support/backends.js';
import { Core } from '../support/core.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/processes.js';
import { redisUrlForTests, startRedis } from '../support/redis-server.js';

let database: TestDatabase;
const cores: Core[] = [];
// One each: on PostgreSQL the database is what keeps two queues apart.
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
  await database.drop();
});

async function startCore(config: Partial<Config>): Promise<Core> {
  const core = await Core.start(database.url, { config });
  cores.push(core);
  return core;
}
const newLease = (leaseNo = 1): LeasedDelivery => ({
  deliveryId: newId(),
  eventId: newId(),
  endpointId: newId(),
  leaseNo,
});

describeBackends('the queue', (backend) => {
  let core: Core;
  beforeEach(async () => {
    core = await startCore({
      queuePrefix: `test-${newId()}`,
      redisUrl: backend === 'redis' ? redisUrlForTests() : undefined,
    });
  });

  it('hands each delivery to a worker, ids and all, and forgets its job when it is done', async () => {
    const jobs = Array.from({ length: 50 }, () => newLease());
    await core.queue.add(jobs);
    // Sixteen share one.
    expect(await core.queue.depths()).toMatchObject({ waiting: 4, active: 0 });
    const taken: LeasedDelivery[] = [];
    core.consume((delivery) => Promise.resolve(void taken.push(delivery)));
    await waitFor(() => taken.length === 50, { what: 'all deliveries' });
    const byId = (a: LeasedDelivery, b: LeasedDelivery): number => (a.deliveryId < b.deliveryId ? -1 : 1);
    expect([...taken].sort(byId)).toEqual([...jobs].sort(byId));
    await waitFor(async () => Object.values(await core.queue.depths()).every((depth) => depth === 0), {
      what: 'the queue to be empty',
    });
    expect(await core.queue.bullQueue.getJob(`${jobs[0]?.deliveryId}-1`)).toBeUndefined();
  });

  it('holds nothing of a job but ids', async () => {
    const job = newLease();
    await core.queue.add([job]);
    expect((await core.queue.bullQueue.getJob(`${job.deliveryId}-1`))?.data).toEqual({ deliveries: [job] });
  });

  it('ignores a lease that it knows already, and takes the next one of the same delivery', async () => {
    const job = newLease();
    await core.queue.add([job]);
    await core.queue.add([job]);
    expect(await core.queue.depths()).toMatchObject({ waiting: 1 });
    await core.queue.add([{ ...job, leaseNo: 2 }]);
    expect(await core.queue.depths()).toMatchObject({ waiting: 2 });
  });

  it('takes a new lease of a delivery whose last job failed through a fault of ours', async () => {
    const job = newLease();
    const taken: number[] = [];
    core.consume(({ leaseNo }) => {
      taken.push(leaseNo);
      return leaseNo === 1 ? Promise.reject(new Error('a fault of ours')) : Promise.resolve();
    });
    await core.queue.add([job]);
    await waitFor(async () => (await core.queue.depths()).failed === 1, { what: 'the failure' });
    await core.queue.add([{ ...job, leaseNo: 2 }]);
    await waitFor(() => taken.length === 2, { what: 'the second job' });
    expect(taken).toEqual([1, 2]);
    expect(await core.queue.depths()).toMatchObject({ failed: 1 });
  });

  it('has nothing to do for no jobs', async () => {
    await core.queue.add([]);
    expect(await core.queue.depths()).toEqual({ waiting: 0, active: 0, failed: 0 });
  });

  it('finishes the others of a job in which one failed', async () => {
    const [bad, ...good] = Array.from({ length: 5 }, () => newLease()) as [LeasedDelivery, ...LeasedDelivery[]];
    const done: string[] = [];
    core.consume(async ({ deliveryId }) => {
      if (deliveryId === bad.deliveryId) throw new Error('a fault of ours');
      await new Promise((resolve) => setImmediate(resolve));
      done.push(deliveryId);
    });
    await core.queue.add([bad, ...good]);
    await waitFor(async () => (await core.queue.depths()).failed === 1, { what: 'the failure' });
    expect(done).toEqual(good.map(({ deliveryId }) => deliveryId));
  });

  it('runs no more deliveries of one worker at once than it was told', async () => {
    let running = 0;
    let most = 0;
    let done = 0;
    core.consume(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      done++;
    }, 4);
    await core.queue.add(Array.from({ length: 40 }, () => newLease()));
    await waitFor(() => done === 40, { what: 'all deliveries' });
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('takes no more jobs than it has places for, however many end at once', async () => {
    let done = 0;
    let most = 0;
    let wave: (() => void)[] = [];
    core.consume(async () => {
      await new Promise<void>((resolve) => wave.push(resolve));
      done++;
    }, 32);
    // Of sixteen deliveries each: two fill all places.
    await core.queue.add(Array.from({ length: 40 * 16 }, () => newLease()));
    while (done < 40 * 16) {
      await waitFor(() => wave.length > 0 || done === 40 * 16, { what: 'deliveries in their places' });
      most = Math.max(most, (await core.queue.depths()).active ?? 0);
      const ended = wave;
      wave = [];
      for (const end of ended) end();
    }
    // One may be asked for beside them before it is known what it brings.
    expect(most).toBeLessThanOrEqual(3);
  });

  it('fills the places that are free again although one delivery of each job hangs', async () => {
    const [stuck, ...others] = Array.from({ length: 16 }, () => newLease());
    const done = new Set<string>();
    let release = (): void => undefined;
    const hanging = new Promise<void>((resolve) => (release = resolve));
    const step = new Set<() => void>();
    core.consume(async ({ deliveryId }) => {
      if (deliveryId === stuck?.deliveryId) return hanging;
      await new Promise<void>((resolve) => step.add(resolve));
      done.add(deliveryId);
    }, 16);
    await core.queue.add([stuck as LeasedDelivery, ...others]);
    await waitFor(() => step.size === 15, { what: 'all places to be taken' });
    const next = Array.from({ length: 32 }, () => newLease());
    for (const delivery of next) await core.queue.add([delivery]);
    await waitFor(
      () => {
        for (const end of step) end();
        return done.size === 15 + 32;
      },
      { what: 'the others to be done' },
    );
    release();
  });

  it('leaves to other workers what one that is busy could not begin', async () => {
    const held: (() => void)[] = [];
    core.consume(() => new Promise((resolve) => held.push(resolve)), 4);
    await core.queue.add(Array.from({ length: 16 }, () => newLease()));
    await waitFor(() => held.length === 4, { what: 'the worker to be busy' });
    const rest = Array.from({ length: 32 }, () => newLease());
    for (const delivery of rest) await core.queue.add([delivery]);
    const taken: string[] = [];
    core.consume(({ deliveryId }) => Promise.resolve(void taken.push(deliveryId)), 4);
    await waitFor(() => taken.length >= 31, { what: 'another worker to take the rest' });
    // The busy one may have asked for one more before it knew.
    expect(held).toHaveLength(4);
  });
});

describeRedis('the queue without its Redis', () => {
  it('says so, refuses at once, and works again on an empty one', async () => {
    const redis = await startRedis();
    const core = await startCore({ redisUrl: redis.url });
    expect(core.queue.available).toBe(true);
    await redis.kill('SIGKILL');
    await waitFor(() => !core.queue.available, { what: 'the loss to be noticed' });
    const askedAt = performance.now();
    await expect(core.queue.add([newLease()])).rejects.toThrow();
    expect(performance.now() - askedAt).toBeLessThan(5_000);

    const again = await startRedis({ port: redis.port });
    try {
      await waitFor(() => core.queue.available, { what: 'Redis to be back' });
      await core.queue.add([newLease()]);
      expect(await core.queue.depths()).toMatchObject({ waiting: 1 });
    } finally {
      await core.close();
      cores.length = 0;
      await again.stop();
    }
  });

  it('works again although Redis went away in the moment in which the queue met it', async () => {
    const redis = await startRedis();
    const client = new Redis(redis.url, { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: 5_000 });
    client.on('error', () => undefined);
    let reconnects = 0;
    client.on('reconnecting', () => reconnects++);
    const backend = new QueueBackend(Object.assign(new Config(), { redisUrl: redis.url }), client);
    const queue = new DeliveryQueue(backend);
    // BullMQ asks for the version as soon as the connection is ready, and gets no answer.
    client.once('ready', () => process.kill(redis.pid, 'SIGKILL'));
    await waitFor(() => reconnects >= 4, { what: 'that question to be given up' });
    const again = await startRedis({ port: redis.port });
    try {
      await waitFor(() => queue.available, { what: 'Redis to be back' });
      const added = (): Promise<boolean> =>
        queue.add([newLease()]).then(
          () => true,
          () => false,
        );
      await waitFor(added, { what: 'a job to be taken' });
      expect(await queue.depths()).toMatchObject({ waiting: 1 });
    } finally {
      await backend.onApplicationShutdown();
      client.disconnect();
      await again.stop();
      await redis.stop();
    }
  });

  it('refuses within seconds when Redis hangs', async () => {
    const redis = await startRedis();
    const core = await startCore({ redisUrl: redis.url });
    try {
      await redis.kill('SIGSTOP');
      await expect(core.queue.add([newLease()])).rejects.toThrow();
    } finally {
      await redis.kill('SIGCONT');
      await core.close();
      cores.length = 0;
      await redis.stop();
    }
  });
});

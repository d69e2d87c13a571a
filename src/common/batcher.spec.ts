import { Batcher } from './batcher.js';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Enough turns of the event loop for every flush that may begin to have begun. */
const settleDown = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await tick();
};

/** A flush that ends when the test says so. */
function controlled(): {
  flush: (items: number[]) => Promise<number[]>;
  batches: number[][];
  finish: () => void;
} {
  const batches: number[][] = [];
  const finishers: (() => void)[] = [];
  return {
    batches,
    flush: (items) =>
      new Promise((resolve) => {
        batches.push(items);
        finishers.push(() => resolve(items.map((item) => item * 10)));
      }),
    finish: () => finishers.shift()?.(),
  };
}

describe('Batcher', () => {
  it('flushes a lone item at once and gives each item its own result', async () => {
    const { flush, batches, finish } = controlled();
    const batcher = new Batcher(flush, { maxItems: 10 });
    const result = batcher.add(1);
    await settleDown();
    expect(batches).toEqual([[1]]);
    finish();
    await expect(result).resolves.toBe(10);
  });

  it('gathers what comes during a flush into the next one, in order and no larger than allowed', async () => {
    const { flush, batches, finish } = controlled();
    const batcher = new Batcher(flush, { maxItems: 3 });
    const first = batcher.add(0);
    await settleDown();
    const rest = [1, 2, 3, 4].map((item) => batcher.add(item));
    await settleDown();
    expect(batches).toEqual([[0]]);
    finish();
    await first;
    await settleDown();
    expect(batches).toEqual([[0], [1, 2, 3]]);
    finish();
    await Promise.all(rest.slice(0, 3));
    await settleDown();
    finish();
    await expect(Promise.all(rest)).resolves.toEqual([10, 20, 30, 40]);
    expect(batches).toEqual([[0], [1, 2, 3], [4]]);
  });

  it('runs as many flushes at once as allowed and no more', async () => {
    const { flush, batches, finish } = controlled();
    const batcher = new Batcher(flush, { maxItems: 1, maxFlushes: 2 });
    const results = [1, 2, 3].map((item) => batcher.add(item));
    await settleDown();
    expect(batches).toEqual([[1], [2]]);
    finish();
    await results[0];
    await settleDown();
    expect(batches).toEqual([[1], [2], [3]]);
    finish();
    finish();
    await expect(Promise.all(results)).resolves.toEqual([10, 20, 30]);
  });

  describe('with a pace', () => {
    // So long that nothing begins by it while a test lasts.
    const AN_HOUR = 3_600_000;

    it('lets no lone item wait, however soon it follows another', async () => {
      const { flush, batches, finish } = controlled();
      const batcher = new Batcher(flush, { maxItems: 10, paceMs: AN_HOUR });
      for (const item of [1, 2, 3]) {
        const result = batcher.add(item);
        await settleDown();
        finish();
        await result;
      }
      expect(batches).toEqual([[1], [2], [3]]);
    });

    it('gathers company while there is some, until it is enough', async () => {
      const { flush, batches, finish } = controlled();
      const batcher = new Batcher(flush, { maxItems: 100, maxFlushes: 2, paceMs: AN_HOUR });
      const results = [batcher.add(0)];
      await settleDown();
      for (let item = 1; item < 50; item++) results.push(batcher.add(item));
      await settleDown();
      expect(batches).toEqual([[0]]);
      results.push(batcher.add(50));
      await settleDown();
      expect(batches).toHaveLength(2);
      expect(batches[1]).toHaveLength(50);
      finish();
      finish();
      await Promise.all(results);
    });

    it('begins when its time has come', async () => {
      const { flush, batches, finish } = controlled();
      const batcher = new Batcher(flush, { maxItems: 10, maxFlushes: 2, paceMs: 20 });
      const first = batcher.add(1);
      await settleDown();
      const second = batcher.add(2);
      const third = batcher.add(3);
      while (batches.length < 2) await tick();
      finish();
      finish();
      expect(await Promise.all([first, second, third])).toEqual([10, 20, 30]);
      expect(batches).toEqual([[1], [2, 3]]);
    });

    it('leaves nobody behind whose time comes while all places are taken', async () => {
      const { flush, batches, finish } = controlled();
      const batcher = new Batcher(flush, { maxItems: 10, maxFlushes: 1, paceMs: 5 });
      const first = batcher.add(1);
      await settleDown();
      const second = batcher.add(2);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(batches).toEqual([[1]]);
      finish();
      await first;
      while (batches.length < 2) await tick();
      finish();
      expect(await second).toBe(20);
    });
  });

  it('keeps a batch under its weight but lets a single heavy item through', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher<number, number>(
      (items) => {
        batches.push(items);
        return Promise.resolve(items);
      },
      { maxItems: 10, weightOf: (item) => item, maxWeight: 10 },
    );
    await Promise.all([50, 4, 5, 6].map((item) => batcher.add(item)));
    expect(batches).toEqual([[50], [4, 5], [6]]);
  });

  it('tries each item alone when a flush of several fails, so that only the bad one fails', async () => {
    const batcher = new Batcher<number, number>(
      (items) => (items.includes(13) ? Promise.reject(new Error('bad item')) : Promise.resolve(items)),
      { maxItems: 10 },
    );
    const results = await Promise.allSettled([1, 13, 2].map((item) => batcher.add(item)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('fails all items at once, without trying each alone, when the database is away', async () => {
    let flushes = 0;
    const batcher = new Batcher<number, number>(
      () => {
        flushes++;
        return Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      },
      { maxItems: 10 },
    );
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(flushes).toBe(1);
  });

  it('flushes the same again after a deadlock, up to five times', async () => {
    const deadlock = Object.assign(new Error('deadlock detected'), { code: '40P01' });
    const flushed: number[][] = [];
    let deadlocks = 2;
    const batcher = new Batcher<number, number>(
      (items) => {
        flushed.push(items);
        return deadlocks-- > 0 ? Promise.reject(deadlock) : Promise.resolve(items);
      },
      { maxItems: 10 },
    );
    expect(await Promise.all([batcher.add(1), batcher.add(2)])).toEqual([1, 2]);
    expect(flushed).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    flushed.length = 0;
    deadlocks = Infinity;
    await expect(batcher.add(3)).rejects.toBe(deadlock);
    expect(flushed).toHaveLength(5);
  });

  it('goes on after a failure', async () => {
    let fail = true;
    const batcher = new Batcher<number, number>(
      (items) => (fail ? Promise.reject(new Error('first')) : Promise.resolve(items)),
      { maxItems: 10 },
    );
    await expect(batcher.add(1)).rejects.toThrow('first');
    fail = false;
    await expect(batcher.add(2)).resolves.toBe(2);
  });
});

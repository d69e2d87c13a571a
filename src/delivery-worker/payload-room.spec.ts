import { setImmediate as nextTurn } from 'node:timers/promises';
import { PayloadRoom } from './payload-room.js';

const KIB = 1024;

/** A task that ends when it is told to. */
class Task {
  started = false;
  readonly done: Promise<void>;
  end: () => void = () => undefined;
  fail: (error: Error) => void = () => undefined;

  constructor(room: PayloadRoom, length: number | null) {
    this.done = room.run((holds) => {
      this.started = true;
      if (length !== null) holds(length);
      return new Promise((resolve, reject) => {
        this.end = resolve;
        this.fail = reject;
      });
    });
  }
}

describe('room for payloads', () => {
  const start = async (room: PayloadRoom, ...lengths: (number | null)[]): Promise<Task[]> => {
    const tasks = lengths.map((length) => new Task(room, length));
    await nextTurn();
    return tasks;
  };
  const started = (tasks: Task[]): number => tasks.filter((task) => task.started).length;

  it('takes many small ones', async () => {
    const tasks = await start(new PayloadRoom(256 * KIB), ...Array.from({ length: 100 }, () => 1 * KIB));
    expect(started(tasks)).toBe(100);
  });

  it('takes few large ones, and the next in their order as they end', async () => {
    const tasks = await start(new PayloadRoom(512 * KIB), ...Array.from({ length: 6 }, () => 256 * KIB));
    const order = (): boolean[] => tasks.map((task) => task.started);
    expect(order()).toEqual([true, true, false, false, false, false]);
    tasks[1]?.end();
    await tasks[1]?.done;
    await nextTurn();
    // Two, for a moment, as each may be half as long.
    expect(order()).toEqual([true, true, true, true, false, false]);
    tasks[0]?.end();
    await tasks[0]?.done;
    await nextTurn();
    expect(order()).toEqual([true, true, true, true, false, false]);
    for (const task of tasks.slice(2, 4)) task.end();
    await nextTurn();
    expect(started(tasks)).toBe(6);
  });

  it('expects half the longest of what is not loaded yet', async () => {
    const tasks = await start(new PayloadRoom(512 * KIB), null, null, null, null, null);
    expect(started(tasks)).toBe(4);
  });

  it('is free again after a task that failed', async () => {
    const room = new PayloadRoom(1);
    const [bad, next] = (await start(room, 256 * KIB, 1)) as [Task, Task];
    expect(next.started).toBe(false);
    bad.fail(new Error('no'));
    await expect(bad.done).rejects.toThrow('no');
    await nextTurn();
    expect(next.started).toBe(true);
  });
});

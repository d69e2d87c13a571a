import { Cleanups } from './cleanups.js';

describe('cleanups', () => {
  it('stop the newest first, each once, however often they are asked', async () => {
    const cleanups = new Cleanups();
    const stopped: string[] = [];
    expect(await cleanups.add(Promise.resolve('a'), (name) => stopped.push(name))).toBe('a');
    await cleanups.add(Promise.resolve('b'), (name) => stopped.push(name));
    await Promise.all([cleanups.run(), cleanups.run()]);
    expect(stopped).toEqual(['b', 'a']);
  });

  it('are over for whoever asks when the last is, also when another asked first', async () => {
    const cleanups = new Cleanups();
    let stop = (): void => undefined;
    await cleanups.add(Promise.resolve(), () => new Promise<void>((resolve) => (stop = resolve)));
    const first = cleanups.run();
    let over = false;
    const second = cleanups.run().then(() => (over = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(false);
    stop();
    await Promise.all([first, second]);
    expect(over).toBe(true);
  });

  it('wait for what is still starting, and stop it', async () => {
    const cleanups = new Cleanups();
    const stopped: string[] = [];
    let finish = (_name: string): void => undefined;
    const added = cleanups.add(new Promise<string>((resolve) => (finish = resolve)), (name) => stopped.push(name));
    const refused = expect(added).rejects.toThrow('Stopped.');
    const running = cleanups.run();
    finish('late');
    await running;
    await refused;
    expect(stopped).toEqual(['late']);
  });

  it('stop at once what starts when everything is over', async () => {
    const cleanups = new Cleanups();
    await cleanups.run();
    const stopped: string[] = [];
    await expect(cleanups.add(Promise.resolve('a'), (name) => stopped.push(name))).rejects.toThrow('Stopped.');
    expect(stopped).toEqual(['a']);
  });

  it('have nothing to stop where the start failed', async () => {
    const cleanups = new Cleanups();
    const stop = jest.fn();
    await expect(cleanups.add(Promise.reject(new Error('no port')), stop)).rejects.toThrow('no port');
    await cleanups.run();
    expect(stop).not.toHaveBeenCalled();
  });
});

import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogDestination } from './log-destination.js';

describe('where log lines go', () => {
  let written: string[];
  let destination: LogDestination;
  beforeEach(() => {
    written = [];
    destination = new LogDestination({ write: (text) => void written.push(text) });
  });
  afterEach(() => destination.onApplicationShutdown());

  it('gets the lines of a turn as a whole, in their order', async () => {
    destination.write('1\n');
    destination.write('2\n');
    expect(written).toEqual([]);
    await nextTurn();
    destination.write('3\n');
    await nextTurn();
    expect(written).toEqual(['1\n2\n', '3\n']);
  });

  it('gets much at once, so that what is dropped where nobody reads is little', async () => {
    const line = `${'x'.repeat(999)}\n`;
    for (let n = 0; n < 100; n++) destination.write(line);
    expect(Math.max(...written.map((text) => text.length))).toBeLessThan(20_000);
    await nextTurn();
    expect(written.join('')).toBe(line.repeat(100));
  });

  it('gets what there is when the process ends in the same turn', () => {
    destination.write('last words\n');
    process.emit('exit', 0);
    expect(written).toEqual(['last words\n']);
  });

  it('gets what there is when the application shuts down, and no listener is left', () => {
    const listeners = process.listenerCount('exit');
    destination.write('last words\n');
    destination.onApplicationShutdown();
    expect(written).toEqual(['last words\n']);
    expect(process.listenerCount('exit')).toBe(listeners - 1);
  });
});

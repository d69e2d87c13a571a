import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const DESTINATION = pathToFileURL(join(import.meta.dirname, '../../dist/src/common/log-destination.js')).href;
const LINES = 4_000;

/** Logs 4 MB, far more than a pipe holds, says so, and ends in order when it is told to. */
const SCRIPT = `
  const { LogDestination } = await import('${DESTINATION}');
  const destination = new LogDestination();
  for (let n = 0; n < ${LINES}; n++) destination.write('x'.repeat(1_000) + '\\n');
  process.once('message', () => process.exit(0));
  process.send('logged');
`;

/** Fills its pipe when it is told to, says so on another, and ends in that very turn. */
const LAST_LINE = `
  const { writeSync } = await import('node:fs');
  const { LogDestination } = await import('${DESTINATION}');
  const destination = new LogDestination();
  process.once('message', () => {
    try {
      for (;;) writeSync(1, 'x'.repeat(999) + '\\n');
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
    writeSync(4, 'full');
    destination.write('last words\\n');
    process.exit(0);
  });
  process.send('logged');
`;

describe('a process whose log nobody reads', () => {
  let child: ChildProcess;
  let stdout: Readable;
  const start = async (script: string): Promise<void> => {
    child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc', 'pipe'],
    });
    if (child.stdout === null) throw new Error('No output');
    stdout = child.stdout;
    expect(await once(child, 'message', { signal: AbortSignal.timeout(20_000) })).toEqual(['logged', undefined]);
  };
  afterEach(() => child.kill('SIGKILL'));

  it('works on, and loses no line of it when somebody does', async () => {
    await start(SCRIPT);
    child.send('end');
    const lines = (await text(stdout)).trimEnd().split('\n');
    expect(lines).toHaveLength(LINES);
    expect(new Set(lines)).toEqual(new Set(['x'.repeat(1_000)]));
  });

  it('does not lose the line that it ends with', async () => {
    await start(LAST_LINE);
    // Without it Node throws away what nobody has read by the time the child ends.
    const keep = (): void => undefined;
    stdout.on('readable', keep);
    child.send('end');
    await once(child.stdio[4] as Readable, 'data');
    stdout.off('readable', keep);
    expect(await text(stdout)).toMatch(/x\nlast words\n$/);
  });

  it('ends all the same', async () => {
    await start(SCRIPT);
    child.send('end');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('ends at once when its reader is gone', async () => {
    await start(SCRIPT);
    stdout.destroy();
    child.send('end');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

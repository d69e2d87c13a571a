import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
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

describe('a process whose log nobody reads', () => {
  it('works on, and loses no line of it when somebody does', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    try {
      const { stdout } = child;
      if (stdout === null) throw new Error('No output');
      expect(await once(child, 'message', { signal: AbortSignal.timeout(20_000) })).toEqual(['logged', undefined]);
      child.send('end');
      const lines = (await text(stdout)).trimEnd().split('\n');
      expect(lines).toHaveLength(LINES);
      expect(new Set(lines)).toEqual(new Set(['x'.repeat(1_000)]));
    } finally {
      child.kill('SIGKILL');
    }
  });
});

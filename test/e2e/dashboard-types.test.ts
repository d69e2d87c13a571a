import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');

describe("the dashboard's types of the API", () => {
  it('are those of the API as it is built', async () => {
    const check = promisify(execFile)(process.execPath, [join(ROOT, 'scripts/write-api-types.mjs'), '--check']);
    // Its line says what to do.
    await expect(check).resolves.toMatchObject({ stderr: '' });
  });
});

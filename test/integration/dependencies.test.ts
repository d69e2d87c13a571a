import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTempFolder } from '../support/temp-folder.js';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

interface Listing {
  code: number;
  stdout: string;
  stderr: string;
}

async function list(folder?: string): Promise<Listing> {
  const args = [join(ROOT, 'scripts/list-dependencies.mjs'), ...(folder === undefined ? [] : [folder])];
  return run(process.execPath, args).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Listing) => ({ code, stdout, stderr }),
  );
}

/** A project of one dependency. */
function makeProject(page: string, lock: object): string {
  const folder = makeTempFolder();
  mkdirSync(join(folder, 'docs'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { left: '1.0.0' } }));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...lock } }));
  writeFileSync(join(folder, 'docs/dependencies.md'), page);
  return folder;
}
const LEFT = { 'node_modules/left': { version: '1.0.0', license: 'MIT' } };

describe('npm run dependencies:list', () => {
  it('has a reason for each production dependency, with its version and licence', async () => {
    const { code, stdout, stderr } = await list();
    expect([code, stderr]).toEqual([0, '']);
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const lines = stdout.split('\n');
    for (const [name, version] of Object.entries(dependencies)) {
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${name} ${version} \\([\\w.-]+\\): \\S.+`)));
    }
  });

  it('is content with a project where all is in order', async () => {
    expect(await list(makeProject('| `left` | To pad |\n', LEFT))).toMatchObject({ code: 0, stderr: '' });
  });

  it.each<[string, string, object, string]>([
    ['a dependency without a reason', '', LEFT, 'left has no reason in docs/dependencies.md'],
    ['a reason without its dependency', '| `left` | x |\n| `right` | y |\n', LEFT, 'right is in docs/dependencies.md'],
    ['a dependency that is not locked', '| `left` | x |\n', {}, 'left is not in package-lock.json'],
    [
      'a licence that is not permissive, however deep',
      '| `left` | x |\n',
      { ...LEFT, 'node_modules/left/node_modules/deep': { version: '1.0.0', license: 'AGPL-3.0' } },
      'deep has the licence AGPL-3.0',
    ],
  ])('fails for %s', async (_what, page, lock, message) => {
    const { code, stderr } = await list(makeProject(page, lock));
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  it('has nothing against the licence of what is only used to develop', async () => {
    const lock = { ...LEFT, 'node_modules/tool': { version: '1.0.0', license: 'AGPL-3.0', dev: true } };
    expect(await list(makeProject('| `left` | x |\n', lock))).toMatchObject({ code: 0 });
  });
});

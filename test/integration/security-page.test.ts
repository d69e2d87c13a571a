import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');

/** The rows of the tables of threats: threat, wall, test. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (Threat|-+) /.test(line))
  .map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );

describe('docs/security.md', () => {
  it('names a wall and a test for each threat, and no test that is not there', () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const [threat, wall, tests] of rows) {
      const named = [...(tests ?? '').matchAll(/`([^`]+\.ts)`/g)].map(([, file = '']) => file);
      expect([threat, wall, named.length > 0]).toEqual([threat, expect.stringMatching(/\S{3,}/), true]);
      const missing = named.filter((file) => !existsSync(join(ROOT, file.startsWith('src/') ? '' : 'test', file)));
      expect([threat, missing]).toEqual([threat, []]);
    }
  });

  it('names source files that are there', () => {
    const files = [...page.matchAll(/`(src\/[^`]+)`/g)].map(([, file = '']) => file);
    expect(files.length).toBeGreaterThan(3);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});

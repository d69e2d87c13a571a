import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { assertBuilt, UNSET } from '../support/posthaste.js';
import { freePort } from '../support/processes.js';
import { startSystemPostgres, systemPostgres, type SystemPostgres } from '../support/system-postgres.js';
import { makeTempFolder } from '../support/temp-folder.js';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/deployment.md'), 'utf8');
const run = promisify(execFile);
const bin = systemPostgres();

const blocks = [...PAGE.matchAll(/^```bash\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

if (bin === undefined) {
  it.skip("docs/deployment.md's shell blocks (skipped: apt-get install postgresql)", () => undefined);
} else {
  describe("docs/deployment.md's shell blocks", () => {
    let postgres: SystemPostgres;
    let folder: string;
    beforeAll(async () => {
      assertBuilt();
      folder = makeTempFolder();
      postgres = await startSystemPostgres(bin);
    });
    afterAll(async () => {
      await postgres?.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    it('run one after the other, in one shell', async () => {
      expect(blocks.length).toBeGreaterThanOrEqual(5);
      const url = await postgres.createDatabase('posthaste');
      const [port, worker, second] = [await freePort(), await freePort(), await freePort()];
      const script = [
        'set -euo pipefail',
        // Whatever was started in the background ends with the shell.
        `trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT`,
        ...blocks.map((block) => `${block}\necho "=== done"`),
      ]
        .join('\n')
        .replaceAll('postgres://posthaste:password@127.0.0.1:5432/posthaste', url)
        // A machine on which much else runs takes longer than a minute to start three processes.
        .replaceAll('--retry 60 ', '--retry 300 ')
        .replaceAll('dist/src/', `${ROOT}/dist/src/`)
        .replaceAll('127.0.0.1:3000', `127.0.0.1:${port}`)
        .replaceAll('127.0.0.1:3001', `127.0.0.1:${worker}`)
        .replaceAll('WORKER_PORT=3001', `WORKER_PORT=${worker}`)
        .replaceAll('WORKER_PORT=3002', `WORKER_PORT=${second}`);
      expect(script).toContain(url);
      const { stdout } = await run('bash', ['-c', script], {
        cwd: folder,
        timeout: 500_000,
        maxBuffer: 2 ** 26,
        env: {
          ...process.env,
          ...UNSET,
          PORT: String(port),
          PATH: [postgres.bin, process.env.PATH].join(delimiter),
        },
      }).catch((error: { stdout: string; stderr: string }) => {
        throw new Error(`It stopped after:\n${error.stdout}\n${error.stderr}`);
      });
      expect(stdout.match(/^=== done$/gm)).toHaveLength(blocks.length);
      // Migrated once at first, and nothing was left to do in the restored one.
      expect(stdout).toContain('migrated: CreateCoreTables');
      expect(stdout).toContain('The database is up to date.');
      expect(stdout).toContain('0 problem(s)');
      expect(stdout).toMatch(/"ok": true/);
    }, 600_000);
  });
}

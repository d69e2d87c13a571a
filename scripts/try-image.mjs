/**
 * The Dockerfile's steps without Docker, for machines that have no engine. Each stage is a root file system of its own (an overlay
 * over this machine's stands in for `FROM node`), and its instructions run in it as they are written. The last one is then made
 * read-only, and what the image starts is started in it, as its user. Nothing of it stays when the process ends.
 *
 *   unshare --mount --pid --fork --kill-child node scripts/try-image.mjs
 *
 * As root, on Linux; takes minutes and the npm registry. With DATABASE_URL and the other required settings it migrates that
 * database, and starts API and worker. Prints a line of JSON for each thing found.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';

const REPOSITORY = join(import.meta.dirname, '..');
const START_TIMEOUT_MS = 180_000;

const found = (name, value) => console.log(JSON.stringify({ [name]: value }));
const run = (program, args, options = {}) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options });

/** What of this process's environment a build may see: how to reach the registry, and no settings. */
const passedOn = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(PATH|HOME|LANG)$|^npm_config_|proxy$|CA_CERTS$/i.test(name)),
);

function instructionsOf(dockerfile) {
  return dockerfile
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => {
      const [, name, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`Not an instruction: ${line}`);
      return { name, rest };
    });
}

/** In memory, which ends with this process's mounts. */
function mountedFolder(path) {
  mkdirSync(path, { recursive: true });
  run('mount', ['-t', 'tmpfs', 'tmpfs', path]);
  return path;
}

/** What `docker build .` would send: of what git knows, whatever .dockerignore lets through. */
function copyContext(context) {
  const lines = readFileSync(join(REPOSITORY, '.dockerignore'), 'utf8').split('\n');
  const allowed = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const files = run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...allowed], {
    cwd: REPOSITORY,
  });
  const wanted = files.split('\n').filter((file) => file !== '' && !file.endsWith('.spec.ts'));
  const input = wanted.map((file) => `${file}\n`).join('');
  const archive = execFileSync('tar', ['-cf', '-', '-T', '-'], { cwd: REPOSITORY, input, maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-xf', '-', '-C', context], { input: archive });
}

class Stage {
  constructor(folder) {
    this.added = join(folder, 'added');
    this.root = join(folder, 'root');
    this.workdir = '/';
    this.env = { ...passedOn };
    this.user = null;
    for (const name of ['added', 'work', 'root']) mkdirSync(join(folder, name), { recursive: true });
    const layers = `lowerdir=/,upperdir=${this.added},workdir=${join(folder, 'work')}`;
    run('mount', ['-t', 'overlay', 'overlay', '-o', layers, this.root]);
    run('mount', ['--rbind', '/dev', join(this.root, 'dev')]);
    run('mount', ['-t', 'proc', 'proc', join(this.root, 'proc')]);
    // As in a container, nothing that this machine keeps there is in sight.
    run('mount', ['-t', 'tmpfs', 'tmpfs', join(this.root, 'tmp')]);
  }

  /** A command line for what runs in this stage, as its user. */
  command(argv) {
    const inFolder = ['/bin/sh', '-c', 'cd "$0" && exec "$@"', this.workdir, ...argv];
    const asUser = ['--reuid=1000', '--regid=1000', '--clear-groups', '--bounding-set=-all', '--no-new-privs'];
    return [this.root, ...(this.user === null ? [] : ['setpriv', ...asUser]), ...inFolder];
  }

  run(argv, options = {}) {
    return run('chroot', this.command(argv), { env: this.env, ...options });
  }

  copy(from, sources, target) {
    const script = `shopt -s nullglob; cd "$0"; into=$1; shift; matched=0
      for source in $*; do
        matched=1
        if [ -d "$source" ]; then mkdir -p "$into"; cp -a "$source/." "$into/"
        elif [[ $into == */ ]]; then mkdir -p "$into"; cp -a "$source" "$into"
        else cp -a "$source" "$into"; fi
      done
      [ $matched = 1 ]`;
    run('bash', ['-ec', script, from, join(this.root, this.workdir, target), ...sources]);
  }
}

function build(instructions, context, memory) {
  const stages = new Map();
  let stage;
  let image = {};
  for (const { name, rest } of instructions) {
    const words = rest.split(/\s+/);
    switch (name) {
      case 'FROM': {
        stage = new Stage(join(memory, `stage-${stages.size}`));
        stages.set(/ AS (\S+)$/i.exec(rest)?.[1] ?? 'image', stage);
        image = {};
        break;
      }
      case 'WORKDIR':
        stage.workdir = rest;
        mkdirSync(join(stage.root, rest), { recursive: true });
        break;
      case 'ENV':
        for (const word of words) stage.env[word.split('=', 1)[0]] = word.slice(word.indexOf('=') + 1);
        break;
      case 'COPY': {
        const other = /^--from=(\S+) /.exec(rest)?.[1];
        const paths = words.filter((word) => !word.startsWith('--'));
        const target = paths.pop();
        const from = other === undefined ? context : stages.get(other).root;
        stage.copy(
          from,
          paths.map((path) => path.replace(/^\//, '')),
          target,
        );
        break;
      }
      case 'RUN':
        stage.run(['/bin/sh', '-c', rest]);
        break;
      case 'USER':
        stage.user = rest;
        break;
      case 'HEALTHCHECK':
        image.healthcheck = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4));
        break;
      case 'CMD':
        image.command = JSON.parse(rest);
        break;
      case 'ARG':
      case 'EXPOSE':
        break;
      default:
        throw new Error(`An instruction that this script doesn't know: ${name}`);
    }
  }
  return { stage, ...image };
}

/** Starts it, waits for its health check to be content, and ends it as Docker would. */
async function tryRole(name, stage, command, healthcheck, env) {
  const isHealthy = () => {
    try {
      stage.run(healthcheck, { env, stdio: 'ignore', timeout: 30_000 });
      return true;
    } catch {
      return false;
    }
  };
  if (isHealthy()) throw new Error(`${name}: the health check is content with nothing`);
  const child = spawn('chroot', stage.command(command), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  let ended = null;
  const exited = new Promise((resolve) => child.once('exit', (code) => resolve((ended = { code }))));
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!isHealthy()) {
    if (ended !== null || Date.now() > deadline) throw new Error(`${name} did not become healthy:\n${output}`);
    await delay(500);
  }
  const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  child.kill('SIGTERM');
  found(name, { uid: Number(uid), exit: (await exited).code });
}

const memory = mountedFolder(mkdtempSync(join(tmpdir(), 'posthaste-image-')));
process.once('exit', () => {
  run('umount', ['--recursive', '--lazy', memory]);
  rmdirSync(memory);
});
// This process sees its own namespace's processes only once /proc is mounted in it.
run('mount', ['-t', 'proc', 'proc', '/proc']);
const context = join(memory, 'context');
mkdirSync(context);
copyContext(context);
found('context_bytes', Number(run('du', ['-sb', context]).split('\t')[0]));

const instructions = instructionsOf(readFileSync(join(REPOSITORY, 'Dockerfile'), 'utf8'));
const { stage, command, healthcheck } = build(instructions, context, memory);
const bytesOf = (path) => Number(run('du', ['-sb', join(stage.root, path)]).split('\t')[0]);
found('image_bytes', { node_modules: bytesOf('/app/node_modules'), dist: bytesOf('/app/dist') });
found(
  'files',
  run('find', [join(stage.root, 'app'), '-mindepth', '1', '-maxdepth', '2', '-printf', '%P\n']).split('\n'),
);
found('specs', run('find', [join(stage.root, 'app/dist'), '-name', '*.spec.*', '-printf', '%P\n']).trim());

run('mount', ['-o', 'remount,ro', stage.root]);
found('writable', stage.run(['/bin/sh', '-c', 'touch /app/x /x 2>/dev/null && echo yes || echo no']).trim());
found('version', stage.run(['posthaste', '--version']).trim());
if (process.env.DATABASE_URL !== undefined) {
  const settings = [
    'DATABASE_URL',
    'ADMIN_API_KEY',
    'ENCRYPTION_KEY',
    'DATABASE_POOL_SIZE',
    'HOST',
    'PORT',
    'WORKER_PORT',
  ];
  const given = Object.fromEntries(settings.map((name) => [name, process.env[name]]).filter(([, value]) => value));
  const env = { ...stage.env, ...given };
  found('migrate', stage.run(['posthaste', 'migrate'], { env }).trim());
  const { worker } = parse(readFileSync(join(REPOSITORY, 'docker-compose.yml'), 'utf8'), { merge: true }).services;
  await tryRole('api', stage, command, healthcheck, env);
  await tryRole('worker', stage, worker.command, worker.healthcheck.test.slice(1), env);
}

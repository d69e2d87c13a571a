import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Bench } from '../bench-run.js';
import { eventTemplate } from '../generator/event-request.js';
import { LoadRun } from '../load-run.js';
import { Meter } from '../meter.js';
import { NodeProcess } from '../node-process.js';
import type { ScenarioResult } from '../results.js';
import { costSince, recordLoad } from '../run-record.js';
import { readDurability, type Servers, startServers } from '../servers.js';
import type { LoadPlan } from '../wire.js';

interface FloorReport {
  kind: 'listening';
  port: number;
}

const ORIGINS = 20;

/**
 * The same machine doing only the unavoidable, with the same generator, receiver and PostgreSQL, and as many processes as the
 * API and the workers are together. Each of them does all of it, as nothing is handed from one to another.
 */
export async function runFloor(bench: Bench): Promise<ScenarioResult> {
  const { options, progress } = bench;
  progress.show('floor', 'starting', 0);
  const servers = await startServers(bench, { redis: false, migrate: false });
  await servers.db.query('CREATE TABLE floor_events (id uuid PRIMARY KEY, payload text NOT NULL)');
  const run = await LoadRun.start(bench, 'floor', { origins: ORIGINS, flakyShare: 0, slowMs: 0 });
  const key = randomBytes(24).toString('hex');
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const processes = options.apis + options.workers;
  const floors: NodeProcess<object, FloorReport>[] = [];
  const ports: number[] = [];
  for (let n = 1; n <= processes; n++) {
    const { floor, port } = await startFloor(bench, servers, { key, secret, targets: run.ports, n });
    floors.push(floor);
    ports.push(port);
  }

  const plan: LoadPlan = {
    host: '127.0.0.1',
    ports,
    connections: options.connections,
    templates: [eventTemplate(key)],
    seconds: options.seconds ?? 10,
    fanOut: 1,
    outstanding: options.outstanding,
  };
  const nothingPending = (): Promise<number> => Promise.resolve(0);
  const warmup =
    options.warmupSeconds > 0 ? await run.apply({ ...plan, seconds: options.warmupSeconds }, 'warming up') : undefined;
  const warm = warmup?.accepted.tenants.length ?? 0;
  await run.settle(warm, nothingPending, options.settleSeconds);
  const meter = new Meter({
    api: floors.map(({ pid }) => pid),
    worker: [],
    postgres: [servers.postgresPid],
    redis: [],
    generator: [run.generatorPid],
    receiver: [run.receiverPid],
  });
  const before = meter.reading();
  const main = await run.apply(plan, 'load');
  const settledAt = await run.settle(warm + main.accepted.tenants.length, nothingPending, options.settleSeconds);
  const cost = costSince(meter, before);
  meter.stop();
  const { figures } = await recordLoad(run, { warmup, main, settledAt, cost, fanOut: 1 }, [secret], [[0]]);
  return {
    ...figures,
    scenario: 'floor',
    load: `${processes} bare processes, ${options.connections} connections`,
    headline: 'eventsPerSecond',
    passed: figures.problems.length === 0,
    pendingAtEnd: 0,
    durability: await readDurability(servers.db),
  };
}

async function startFloor(
  { cleanups, env, workplace }: Bench,
  { databaseUrl }: Servers,
  { key, secret, targets, n }: { key: string; secret: string; targets: readonly number[]; n: number },
): Promise<{ floor: NodeProcess<object, FloorReport>; port: number }> {
  const started = new NodeProcess<object, FloorReport>({
    name: `floor-${n}`,
    script: join(import.meta.dirname, '../floor/floor-server.js'),
    env: {
      ...env,
      NODE_ENV: 'production',
      FLOOR_DATABASE_URL: databaseUrl,
      FLOOR_KEY_HASH: createHash('sha256').update(key).digest('hex'),
      FLOOR_SECRET: secret,
      FLOOR_TARGET: targets.map((port) => `http://127.0.0.1:${port}/ok/0`).join(','),
    },
    logFolder: workplace,
  });
  const floor = await cleanups.add(Promise.resolve(started), (child) => child.kill());
  const { port } = await floor.report((report): report is FloorReport => report.kind === 'listening');
  return { floor, port };
}

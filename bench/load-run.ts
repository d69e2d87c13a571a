import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './bench-run.js';
import { sharedNow } from './clock.js';
import { NodeProcess } from './node-process.js';
import type {
  GeneratorMessage,
  GeneratorReport,
  LoadPlan,
  LoadResult,
  ReceivedRequests,
  ReceiverMessage,
  ReceiverPlan,
  ReceiverReport,
} from './wire.js';

const HERE = import.meta.dirname;
const SETTLE_POLL_MS = 50;

/** The two ends of the load: generator and receiver, a process each. */
export class LoadRun {
  private succeeded = 0;
  private accepted = 0;

  private constructor(
    private readonly bench: Bench,
    private readonly scenario: string,
    private readonly generator: NodeProcess<GeneratorMessage, GeneratorReport>,
    private readonly receiver: NodeProcess<ReceiverMessage, ReceiverReport>,
    /** The receiver's. */
    readonly ports: readonly number[],
  ) {
    receiver.onReport((report) => {
      if (report.kind === 'count') this.succeeded = report.succeeded;
    });
    generator.onReport((report) => {
      if (report.kind === 'progress') this.accepted = report.accepted;
    });
  }

  static async start(bench: Bench, scenario: string, plan: ReceiverPlan): Promise<LoadRun> {
    const { cleanups, workplace, env } = bench;
    const start = <Message extends object, Report>(name: string): Promise<NodeProcess<Message, Report>> => {
      const script = join(HERE, name, `${name}.js`);
      const started = new NodeProcess<Message, Report>({ name, script, env, logFolder: workplace });
      return cleanups.add(Promise.resolve(started), (child) => child.kill());
    };
    const receiver = await start<ReceiverMessage, ReceiverReport>('receiver');
    const generator = await start<GeneratorMessage, GeneratorReport>('generator');
    receiver.send({ kind: 'listen', plan });
    const { ports } = await receiver.report((report) => report.kind === 'listening');
    return new LoadRun(bench, scenario, generator, receiver, ports);
  }

  get generatorPid(): number {
    return this.generator.pid;
  }

  get receiverPid(): number {
    return this.receiver.pid;
  }

  /** Requests that were answered with 200, of all loads so far. */
  get delivered(): number {
    return this.succeeded;
  }

  /** Applies a load; answers when it is over, whatever is still under way. */
  async apply(plan: LoadPlan, phase: string): Promise<LoadResult> {
    const before = this.succeeded;
    this.accepted = 0;
    const relay = (report: ReceiverReport): void => {
      if (report.kind === 'count') this.generator.send({ kind: 'delivered', count: report.succeeded - before });
    };
    this.receiver.onReport(relay);
    const startedAt = sharedNow();
    const ticker = setInterval(() => {
      const seconds = (sharedNow() - startedAt) / 1_000;
      this.show(phase, seconds / plan.seconds, seconds, this.succeeded - before);
    }, 100);
    try {
      const done = this.generator.report((report) => report.kind === 'done');
      this.generator.send({ kind: 'run', plan });
      const { result } = await done;
      return result;
    } finally {
      clearInterval(ticker);
      this.receiver.offReport(relay);
    }
  }

  /**
   * Waits until so many deliveries have arrived and nothing is pending.
   * @param total since the receiver was started
   * @param patienceSeconds without a single arrival, after which the rest is given up
   * @returns when that was; undefined when it was given up
   */
  async settle(
    total: number,
    countPending: () => Promise<number>,
    patienceSeconds: number,
  ): Promise<number | undefined> {
    const startedAt = sharedNow();
    const first = this.succeeded;
    let last = { succeeded: first, at: startedAt };
    for (;;) {
      if (this.succeeded >= total && (await countPending()) === 0) return sharedNow();
      const now = sharedNow();
      if (this.succeeded > last.succeeded) last = { succeeded: this.succeeded, at: now };
      if (now - last.at > patienceSeconds * 1_000) return undefined;
      const done = (this.succeeded - first) / Math.max(total - first, 1);
      this.show('settling', done, (now - startedAt) / 1_000, this.succeeded - first);
      await delay(SETTLE_POLL_MS);
    }
  }

  async collect(secrets: string[]): Promise<ReceivedRequests> {
    this.bench.progress.show(this.scenario, 'checking signatures', 1);
    const collected = this.receiver.report((report) => report.kind === 'collected');
    this.receiver.send({ kind: 'collect', secrets });
    return (await collected).requests;
  }

  private show(phase: string, done: number, seconds: number, delivered: number): void {
    const whole = (value: number): string => Math.round(value).toLocaleString('en');
    const figures = `${seconds.toFixed(0)} s  accepted ${whole(this.accepted)}  delivered ${whole(delivered)}  ${whole(delivered / Math.max(seconds, 0.1))}/s`;
    this.bench.progress.show(this.scenario, phase, done, figures);
  }
}

import { Gauge, type Registry } from 'prom-client';
import { BACKLOG_PLACES, type InstallationCounts, type TableSize } from './count-installation.query.js';

/** Ends the help of what each process reads from the same database. */
export const OF_ALL = 'Of the whole installation, the same in each process: aggregate with max, never with sum.';

/** What the database and the queue's store hold, declared as in `metrics.ts`. */
export class InstallationGauges {
  private readonly oldestDue: Gauge;
  private readonly backlog: Gauge<'state' | 'held_by'>;
  private readonly deadLetters: Gauge;
  private readonly circuits: Gauge<'state'>;
  private readonly replays: Gauge;
  private readonly partitions: Gauge<'table'>;
  private readonly daysAhead: Gauge<'table'>;
  private readonly rows: Gauge<'table'>;
  private readonly jobs: Gauge<'state'>;
  private readonly redisUsed: Gauge;
  private readonly redisMax: Gauge;
  private readonly ready: Gauge;
  private readonly readSuccess: Gauge;

  constructor(registry: Registry) {
    const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []): Gauge<Label> =>
      new Gauge<Label>({ name, help, labelNames, registers: [registry] });
    this.oldestDue = gauge(
      'webhook_oldest_due_delivery_age_seconds',
      `For how long the delivery that has waited longest is due, in the queue or not; 0 when none is. ${OF_ALL}`,
    );
    this.backlog = gauge(
      'webhook_backlog_deliveries',
      `Pending deliveries: due, scheduled for later, leased to the queue, or held by what; beyond 20,000 an estimate. ${OF_ALL}`,
      ['state', 'held_by'],
    );
    this.deadLetters = gauge(
      'webhook_dlq_size',
      `Dead letters that are not resolved; beyond 20,000 an estimate. ${OF_ALL}`,
    );
    this.circuits = gauge('webhook_circuits', `Circuits of endpoints that have ever failed, by state. ${OF_ALL}`, [
      'state',
    ]);
    this.replays = gauge('webhook_replays_running', `Replays that are under way. ${OF_ALL}`);
    this.partitions = gauge('webhook_partitions', `Partitions by table, the default one included. ${OF_ALL}`, [
      'table',
    ]);
    this.daysAhead = gauge(
      'webhook_partitions_ahead_days',
      `Days after today that have a partition; 2 or 3 while the upkeep does its work. ${OF_ALL}`,
      ['table'],
    );
    this.rows = gauge('webhook_stored_rows', `Rows by table, as the planner estimates them. ${OF_ALL}`, ['table']);
    this.jobs = gauge('webhook_queue_jobs', `Jobs in the queue by state; each carries up to 16 deliveries. ${OF_ALL}`, [
      'state',
    ]);
    this.redisUsed = gauge('webhook_redis_memory_used_bytes', `Memory that Redis uses. ${OF_ALL}`);
    this.redisMax = gauge(
      'webhook_redis_memory_max_bytes',
      `Memory that Redis may use: its maxmemory, else what its machine has. ${OF_ALL}`,
    );
    this.ready = gauge('webhook_ready', "1 while this process's /health/ready answers 200, else 0.");
    this.readSuccess = gauge(
      'webhook_installation_read_success',
      '1 when the values of the whole installation could be read, 0 when they are left out.',
    );
  }

  setReady(isReady: boolean): void {
    this.ready.set(isReady ? 1 : 0);
  }

  setCounts({ backlog, deadLetters, oldestDueSeconds, replaysRunning, circuits }: InstallationCounts): void {
    for (const [index, place] of BACKLOG_PLACES.entries()) {
      const { state } = place;
      this.backlog.set('heldBy' in place ? { state, held_by: place.heldBy } : { state }, backlog[index] ?? 0);
    }
    this.deadLetters.set(deadLetters);
    this.oldestDue.set(oldestDueSeconds);
    this.replays.set(replaysRunning);
    for (const state of ['closed', 'open', 'half_open']) this.circuits.set({ state }, circuits[state] ?? 0);
    this.readSuccess.set(1);
  }

  setTables(tables: TableSize[]): void {
    for (const { name, partitions, rows, days_ahead } of tables) {
      this.partitions.set({ table: name }, partitions);
      this.rows.set({ table: name }, rows);
      if (days_ahead !== null) this.daysAhead.set({ table: name }, days_ahead);
    }
  }

  /** What could not be read is left out: a value of a while ago would be taken for one of now. */
  forgetDatabase(): void {
    // `remove` and not `reset`, which leaves a gauge without labels at 0.
    for (const gauge of [this.oldestDue, this.deadLetters, this.replays]) gauge.remove();
    for (const gauge of [this.backlog, this.circuits, this.partitions, this.daysAhead, this.rows]) gauge.reset();
    this.readSuccess.set(0);
  }

  setJobs(depths: Record<string, number> | null): void {
    this.jobs.reset();
    for (const [state, count] of Object.entries(depths ?? {})) this.jobs.set({ state }, count);
  }

  setRedisMemory(memory: { usedBytes: number; maxBytes: number } | null): void {
    if (memory === null) {
      this.redisUsed.remove();
      this.redisMax.remove();
      return;
    }
    this.redisUsed.set(memory.usedBytes);
    this.redisMax.set(memory.maxBytes);
  }
}

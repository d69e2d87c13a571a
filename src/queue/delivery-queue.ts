import { Injectable } from '@nestjs/common';
import type { Job, Queue, Worker } from 'bullmq';
import { QueueBackend } from './queue-backend.js';
import { Slots } from './slots.js';

/** A delivery that is leased to the queue: ids only. */
export interface LeasedDelivery {
  deliveryId: string;
  /** These two let the worker look everything up at once. */
  eventId: string;
  endpointId: string;
  leaseNo: number;
}

/**
 * What was enqueued together shares jobs, because a job costs BullMQ and its store more than most deliveries cost us. Nothing
 * else hangs on who shares one: each delivery has its own lease, outcome and failure.
 */
interface DeliveryJob {
  deliveries: LeasedDelivery[];
}

const MAX_DELIVERIES_A_JOB = 16;

/** BullMQ's queue of deliveries: ids only, a window onto what PostgreSQL holds, and never more than that. */
const QUEUE_NAME = 'deliveries';
const JOB_NAME = 'deliver';

/** Adding takes milliseconds. A store that vanished in the wrong moment leaves promises that never settle. */
const ADD_TIMEOUT_MS = 5_000;

@Injectable()
export class DeliveryQueue {
  private queue: Queue<DeliveryJob, void, string>;
  /**
   * BullMQ asks a new connection for the store's version, once: a store that goes away in that moment leaves a queue which
   * refuses everything for ever.
   */
  private isUnusable = false;

  constructor(private readonly backend: QueueBackend) {
    this.queue = this.create();
  }

  /** For the board of queues. Another one after the queue's store went away in the wrong moment: ask each time. */
  get bullQueue(): Queue {
    return this.queue;
  }

  private create(): Queue<DeliveryJob, void, string> {
    const queue = this.backend.createQueue<DeliveryJob>(QUEUE_NAME);
    queue.waitUntilReady().catch(() => (this.isUnusable = true));
    return queue;
  }

  private replace(): void {
    this.isUnusable = false;
    this.queue.close().catch(() => undefined);
    this.queue = this.create();
  }

  /** Whether it makes sense to add jobs now. */
  get available(): boolean {
    return this.backend.available;
  }

  /**
   * Adds deliveries in one round trip.
   * @throws when the queue's store is away or full; the caller gives the leases back, which makes void what was added all the same.
   */
  async add(deliveries: LeasedDelivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    if (!this.available) throw new Error("The queue's store is away.");
    if (this.isUnusable) this.replace();
    const jobs: DeliveryJob[] = [];
    for (let from = 0; from < deliveries.length; from += MAX_DELIVERIES_A_JOB) {
      jobs.push({ deliveries: deliveries.slice(from, from + MAX_DELIVERIES_A_JOB) });
    }
    const adding = this.backend.addJobs(
      this.queue,
      jobs.map((data) => ({
        name: JOB_NAME,
        data,
        opts: { jobId: jobIdOf(data), removeOnComplete: true, removeOnFail: { count: 1_000 }, attempts: 1 },
      })),
    );
    await this.inTime(adding);
  }

  /** What is added after all, later than this waited, is void: its lease has been given back. */
  private async inTime(adding: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), ADD_TIMEOUT_MS);
    });
    try {
      if ((await Promise.race([adding, late])) !== 'late') return;
      adding.catch(() => undefined);
      this.isUnusable = true;
      throw new Error(`The queue did not answer within ${ADD_TIMEOUT_MS} ms.`);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Takes deliveries from the queue.
   * @param process a rejection fails the delivery's job, once its other deliveries are done
   * @param concurrency deliveries under way at once
   */
  createWorker(
    process: (delivery: LeasedDelivery) => Promise<void>,
    concurrency: number,
  ): Worker<DeliveryJob, void, string> {
    const slots = new Slots(concurrency);
    let jobs = 0;
    let inHand = 0;
    // Not for each that ends: a job that ends fetches the next in the same round trip.
    const worthFetching = Math.ceil(Math.min(MAX_DELIVERIES_A_JOB, concurrency) / 2);
    // BullMQ counts jobs, those that it is fetching among them, so it is told how many would bring what there is room for: what
    // this worker can't begin is another's.
    const hold = (moreJobs: number, moreDeliveries: number): void => {
      const roomBefore = concurrency - inHand;
      jobs += moreJobs;
      inHand += moreDeliveries;
      const room = concurrency - inHand;
      worker.concurrency = Math.max(1, jobs + Math.ceil(Math.max(0, room) / MAX_DELIVERIES_A_JOB));
      if (roomBefore < worthFetching && room >= worthFetching) lookAgain(worker);
    };
    const worker = this.backend.createWorker<DeliveryJob>(
      QUEUE_NAME,
      async ({ data: { deliveries = [] } }: Job<Partial<DeliveryJob>>) => {
        hold(1, deliveries.length);
        const ends = await Promise.allSettled(
          deliveries.map((delivery) => slots.run(() => process(delivery)).finally(() => hold(0, -1))),
        );
        hold(-1, 0);
        const failed = ends.find((end) => end.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
      },
      { concurrency: Math.ceil(concurrency / MAX_DELIVERIES_A_JOB), autorun: false },
    );
    return worker;
  }

  /** Jobs by state, as BullMQ counts them. */
  depths(): Promise<Record<string, number>> {
    return this.queue.getJobCounts('waiting', 'active', 'failed');
  }
}

/**
 * Has a worker that had all it may have look at its concurrency again. By itself it does so when a job ends, and a single delivery
 * that hangs keeps its job from ending while the places of fifteen others are free. In the way of BullMQ's own `resume()`, for
 * which there is no other: a test fails when that has changed.
 */
function lookAgain(worker: Worker): void {
  const { mainLoopQueue } = worker as unknown as { mainLoopQueue: { add(fetched: Promise<undefined>): void } | null };
  mainLoopQueue?.add(Promise.resolve(undefined));
}

/** The lease number makes the id new at each enqueue: BullMQ ignores an id that it still knows, in silence. */
function jobIdOf({ deliveries: [first] }: DeliveryJob): string {
  return `${first?.deliveryId}-${first?.leaseNo}`;
}

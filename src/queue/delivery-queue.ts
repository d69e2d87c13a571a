import { Injectable } from '@nestjs/common';
import type { Job, Queue, Worker } from 'bullmq';
import { QueueBackend } from './queue-backend.js';

/** A delivery that is leased to the queue. */
export interface DeliveryJob {
  deliveryId: string;
  /** Lets the worker's look-up prune to the event's partition. */
  eventId: string;
  leaseNo: number;
}

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

  /** For the board of queues. */
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
   * Adds jobs in one round trip.
   * @throws when the queue's store is away or full; the caller gives the leases back.
   */
  async add(jobs: DeliveryJob[]): Promise<void> {
    if (jobs.length === 0) return;
    if (!this.available) throw new Error("The queue's store is away.");
    if (this.isUnusable) this.replace();
    const adding = this.queue.addBulk(
      jobs.map((job) => ({
        name: JOB_NAME,
        data: job,
        opts: {
          // The lease number makes the id new at each enqueue: BullMQ ignores an id that it still knows, in silence.
          jobId: `${job.deliveryId}-${job.leaseNo}`,
          removeOnComplete: true,
          removeOnFail: { count: 1_000 },
          attempts: 1,
        },
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

  createWorker(process: (job: DeliveryJob) => Promise<void>, concurrency: number): Worker<DeliveryJob, void, string> {
    return this.backend.createWorker<DeliveryJob>(QUEUE_NAME, (job: Job<DeliveryJob>) => process(job.data), {
      concurrency,
      autorun: false,
    });
  }

  /** Jobs by state, as BullMQ counts them. */
  depths(): Promise<Record<string, number>> {
    return this.queue.getJobCounts('waiting', 'active', 'failed');
  }
}

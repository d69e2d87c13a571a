import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Worker } from 'bullmq';
import { Config } from '../config/config.js';
import { Metrics } from '../metrics/metrics.js';
import { DeliveryQueue, type DeliveryJob } from '../queue/delivery-queue.js';
import { AttemptSender } from '../sending/attempt-sender.js';
import { DeliveryProcessor } from './delivery-processor.js';

/** Takes deliveries from the queue, for as long as the process lives. */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DeliveryWorker.name);
  private worker: Worker<DeliveryJob, void, string> | null = null;

  constructor(
    private readonly queue: DeliveryQueue,
    private readonly processor: DeliveryProcessor,
    private readonly sender: AttemptSender,
    private readonly metrics: Metrics,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    const worker = this.queue.createWorker((job) => this.processor.process(job), this.config.workerConcurrency);
    worker.on('failed', (job, error) => {
      this.metrics.workerErrors.inc();
      // The job's data are ids only; the lease runs out, and the delivery is enqueued again with its attempts unspent.
      this.logger.error({ err: error, ...job?.data }, 'A job failed through a fault of our own');
    });
    void worker.run();
    this.worker = worker;
  }

  /** Takes no more jobs and waits for those under way; what isn't done within the grace time is left to its lease. */
  async onModuleDestroy(): Promise<void> {
    if (this.worker === null) return;
    const closed = this.worker.close();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.config.shutdownGraceSeconds * 1_000);
    });
    const result = await Promise.race([closed, late]);
    clearTimeout(timer);
    if (result === 'late') {
      this.logger.warn('Attempts were still under way at the end of the grace time; they will be made again.');
      // Not by `close(true)`, which only answers with the first close's promise: cut off, their jobs fail, and it comes to its end.
      await this.sender.close(0);
      await closed;
    }
  }
}

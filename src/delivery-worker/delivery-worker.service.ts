import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Worker } from 'bullmq';
import { Config } from '../config/config.js';
import { Metrics } from '../metrics/metrics.js';
import { DeliveryQueue, type LeasedDelivery } from '../queue/delivery-queue.js';
import { AttemptSender } from '../sending/attempt-sender.js';
import { DeliveryProcessor } from './delivery-processor.js';

/** Takes deliveries from the queue, for as long as the process lives. */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DeliveryWorker.name);
  private worker: Worker | null = null;

  constructor(
    private readonly queue: DeliveryQueue,
    private readonly processor: DeliveryProcessor,
    private readonly sender: AttemptSender,
    private readonly metrics: Metrics,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    const worker = this.queue.createWorker((delivery) => this.process(delivery), this.config.workerConcurrency);
    // What its deliveries did was told of; a job that was given up (its worker died twice) is made good by their leases.
    worker.on('failed', (job) => this.logger.debug(`Job ${job?.id} failed`));
    void worker.run();
    this.worker = worker;
  }

  private async process(delivery: LeasedDelivery): Promise<void> {
    try {
      await this.processor.process(delivery);
    } catch (error) {
      this.metrics.workerErrors.inc();
      // Ids only; the lease runs out, and the delivery is enqueued again with its attempts unspent.
      this.logger.error({ err: error, ...delivery }, 'A delivery failed through a fault of our own');
      throw error;
    }
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

import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { VERSION } from '../common/version.js';
import { DeliveryQueue } from '../queue/delivery-queue.js';
import { QueueBackend } from '../queue/queue-backend.js';
import { countPending } from './pending.query.js';
import type { QueueDepthsDto, SystemDto } from './system.dto.js';
import { findWorkers } from './worker-processes.query.js';

const QUEUE_TIMEOUT_MS = 2_000;

/** How the installation is, for its operator. */
@Injectable()
export class SystemService {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly backend: QueueBackend,
    private readonly queue: DeliveryQueue,
  ) {}

  async read(): Promise<SystemDto> {
    const [{ oldestDueAt, ...counts }, workers, queue] = await Promise.all([
      countPending(this.db),
      findWorkers(this.db),
      this.depths(),
    ]);
    return {
      version: VERSION,
      backend: this.backend.kind,
      queue,
      deliveries: { ...counts, oldest_due_at: oldestDueAt },
      workers,
    };
  }

  /** Null when the store doesn't answer in time: the rest is worth knowing then more than ever. */
  private async depths(): Promise<QueueDepthsDto | null> {
    if (!this.queue.available) return null;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), QUEUE_TIMEOUT_MS);
    });
    const depths = this.queue.depths().then(
      ({ waiting = 0, active = 0, failed = 0 }) => ({ waiting, active, failed }),
      () => null,
    );
    return Promise.race([depths, late]).finally(() => clearTimeout(timer));
  }
}

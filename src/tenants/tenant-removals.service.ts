import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { removeBatch, settleRemoval } from './remove-tenant-rows.query.js';
import { TenantRemoval } from './tenant-removal.entity.js';

/** Removes what deleted tenants leave in the partitioned tables, a batch at a time. */
@Injectable()
export class TenantRemovals implements BeforeApplicationShutdown {
  private readonly logger = new Logger(TenantRemovals.name);
  private running: Promise<void> = Promise.resolve();
  private stopping = false;

  constructor(@InjectDataSource() private readonly db: DataSource) {}

  /**
   * Works through every pending removal. May run in several processes at once: rows that another one is removing are
   * skipped. A removal stays listed for a few minutes after its tenant's end, since requests and attempts that were under
   * way then may still write; the next run takes what came late.
   */
  async removePending(): Promise<void> {
    const removals = await this.db.getRepository(TenantRemoval).find({ order: { requestedAt: 'ASC' } });
    for (const { tenantId } of removals) {
      while (!this.stopping && (await removeBatch(this.db, tenantId)) > 0);
      if (this.stopping) return;
      await settleRemoval(this.db, tenantId);
    }
  }

  /** One run at a time in this process; a failure is logged, and the next run goes on where it stopped. */
  startInBackground(): void {
    this.running = this.running
      .then(() => this.removePending())
      .catch((error: unknown) => this.logger.error({ err: error }, 'Removing the rows of deleted tenants failed.'));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await this.running;
  }
}

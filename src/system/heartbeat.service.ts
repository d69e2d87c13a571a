import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { hostname } from 'node:os';
import type { DataSource } from 'typeorm';
import { newId } from '../common/ids.js';
import { VERSION } from '../common/version.js';
import { noteWorker, removeWorker, SEEN_EVERY_MS } from './worker-processes.query.js';

/** Says that this worker lives, for as long as it does. */
@Injectable()
export class Heartbeat implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Heartbeat.name);
  private readonly worker = { id: newId(), host: hostname(), pid: process.pid, version: VERSION };
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | null = null;

  constructor(@InjectDataSource() private readonly db: DataSource) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.beat(), SEEN_EVERY_MS);
    this.beat();
  }

  /** What it can't take back, when PostgreSQL is away, is forgotten by itself. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.beating;
    if (this.timer !== undefined) await removeWorker(this.db, this.worker.id).catch(() => undefined);
  }

  private beat(): void {
    this.beating ??= noteWorker(this.db, this.worker)
      .catch((error: unknown) => this.logger.debug({ err: error }, 'Not noted as alive; tried again'))
      .finally(() => (this.beating = null));
  }
}

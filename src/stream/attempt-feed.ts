import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { isUuid } from '../common/ids.js';
import { Config } from '../config/config.js';
import {
  ATTEMPTS_CHANNEL,
  encodeMessages,
  READERS_CHANNEL,
  ROLL_CALL_CHANNEL,
  type StreamedAttempt,
} from './attempt-message.js';
import { Notifications } from './notifications.js';
import { notify } from './notify.query.js';
import { READERS_FORGOTTEN_MS } from './reader-times.js';
import { Sample } from './sample.js';

const FLUSH_MS = 100;

/**
 * Tells API processes of attempts, of those tenants alone that somebody reads of. Without readers an attempt costs one look
 * at an empty map. What is told is for the eye: it is no truth, waits for nobody, and may be lost.
 */
@Injectable()
export class AttemptFeed implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(AttemptFeed.name);
  private readonly samples = new Map<string, { sample: Sample; until: number }>();
  private notifications: Notifications | null = null;
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> | null = null;

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.notifications = new Notifications({
      databaseUrl: this.config.databaseUrl,
      channels: [READERS_CHANNEL],
      onNotification: (_channel, tenantIds) => this.noteReaders(tenantIds.split(',').filter(isUuid)),
      onListening: () => void notify(this.db, ROLL_CALL_CHANNEL, ['']).catch(() => undefined),
    });
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.timer);
    await this.notifications?.close();
    await this.sending;
  }

  /** Whether anybody wants to hear of this tenant. */
  hasReaders(tenantId: string): boolean {
    return this.samples.size > 0 && this.samples.has(tenantId);
  }

  tell(tenantId: string, attempt: StreamedAttempt): void {
    const entry = this.samples.get(tenantId);
    if (entry === undefined) return;
    entry.sample.add(attempt);
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  private noteReaders(tenantIds: string[]): void {
    const now = performance.now();
    for (const tenantId of tenantIds) {
      const until = now + READERS_FORGOTTEN_MS;
      const known = this.samples.get(tenantId);
      if (known === undefined) this.samples.set(tenantId, { sample: new Sample(), until });
      else known.until = until;
    }
    for (const [tenantId, { until }] of this.samples) if (until < now) this.samples.delete(tenantId);
  }

  private flush(): void {
    this.timer = undefined;
    // The next flush takes what comes meanwhile; a store that is slow gets no second query.
    if (this.sending !== null) return;
    const now = performance.now();
    const messages: string[] = [];
    for (const [tenantId, { sample, until }] of this.samples) {
      if (until < now) this.samples.delete(tenantId);
      else messages.push(...encodeMessages({ tenantId, ...sample.take() }));
    }
    if (messages.length === 0) return;
    this.sending = notify(this.db, ATTEMPTS_CHANNEL, messages)
      .catch((error: unknown) => this.logger.debug({ err: error }, 'Readers were not told of some attempts'))
      .finally(() => {
        this.sending = null;
        if ([...this.samples.values()].some(({ sample }) => !sample.isEmpty)) {
          this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
        }
      });
  }
}

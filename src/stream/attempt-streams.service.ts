import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DomainError } from '../common/domain-error.js';
import { Config } from '../config/config.js';
import { ATTEMPTS_CHANNEL, decodeMessage, READERS_CHANNEL, ROLL_CALL_CHANNEL } from './attempt-message.js';
import { AttemptStream } from './attempt-stream.js';
import { Notifications } from './notifications.js';
import { notify } from './notify.query.js';
import { READERS_TOLD_MS } from './reader-times.js';
import { TenantReaders } from './tenant-readers.js';

/** Of one tenant, at this process. */
export const MAX_STREAMS_PER_TENANT = 20;
const MAX_STREAMS = 2_000;
const HEARTBEAT_MS = 15_000;
const CHECK_MS = 5_000;
/** A reader who comes back within this time misses nothing. */
const KEPT_WITHOUT_READERS_MS = 15_000;
/** Ids in one notification, which PostgreSQL wants below 8,000 bytes. */
const TENANTS_A_MESSAGE = 200;

export interface OpenOptions {
  tenantId: string;
  lastEventId: string | null;
  /** Whether the caller may still read; asked every few seconds. Rejects when it can't be told. */
  mayStillRead: () => Promise<boolean>;
}

/** The streams that are open at this process. It listens only while there are any. */
@Injectable()
export class AttemptStreams implements OnModuleDestroy {
  private readonly tenants = new Map<string, TenantReaders>();
  private notifications: Notifications | null = null;
  private announcing: NodeJS.Timeout | undefined;
  private hasListened = false;
  private open = 0;
  private closed = false;

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly config: Config,
  ) {}

  /** @throws DomainError `rate_limited` when the tenant has its number of streams, `unavailable` while shutting down */
  openStream({ tenantId, lastEventId, mayStillRead }: OpenOptions): AttemptStream {
    if (this.closed) throw new DomainError('unavailable', 'This process is stopping.', { retryAfterSeconds: 1 });
    const readers = this.readersOf(tenantId);
    if (readers.count >= MAX_STREAMS_PER_TENANT || this.open >= MAX_STREAMS) {
      throw new DomainError('rate_limited', `At most ${MAX_STREAMS_PER_TENANT} streams of a tenant can be open.`, {
        retryAfterSeconds: 10,
      });
    }
    const stream = new AttemptStream();
    const heartbeat = setInterval(() => stream.sendHeartbeat(), HEARTBEAT_MS);
    const check = setInterval(() => {
      // While PostgreSQL is away nobody can be told from another; nothing is told then either.
      mayStillRead().then(
        (may) => (may ? undefined : stream.end('The session or key has ended.')),
        () => undefined,
      );
    }, CHECK_MS);
    this.open += 1;
    stream.body.once('close', () => {
      clearInterval(heartbeat);
      clearInterval(check);
      this.open -= 1;
      readers.remove(stream);
    });
    readers.add(stream, lastEventId);
    this.startListening();
    this.announce([tenantId]);
    return stream;
  }

  async onModuleDestroy(): Promise<void> {
    this.closed = true;
    for (const readers of this.tenants.values()) readers.end('This process is stopping.');
    await this.stopListening();
  }

  private readersOf(tenantId: string): TenantReaders {
    const known = this.tenants.get(tenantId);
    if (known !== undefined) return known;
    const readers = new TenantReaders();
    this.tenants.set(tenantId, readers);
    return readers;
  }

  private startListening(): void {
    if (this.notifications !== null) return;
    this.hasListened = false;
    this.announcing = setInterval(() => this.announceAll(), READERS_TOLD_MS);
    this.notifications = new Notifications({
      databaseUrl: this.config.databaseUrl,
      channels: [ATTEMPTS_CHANNEL, ROLL_CALL_CHANNEL],
      onNotification: (channel, payload) => {
        if (channel === ROLL_CALL_CHANNEL) return this.announceAll();
        const message = decodeMessage(payload);
        if (message !== null) this.tenants.get(message.tenantId)?.tell(message);
      },
      onListening: () => {
        if (this.hasListened) for (const readers of this.tenants.values()) readers.tellGap();
        this.hasListened = true;
        this.announceAll();
      },
    });
  }

  private async stopListening(): Promise<void> {
    clearInterval(this.announcing);
    const { notifications } = this;
    this.notifications = null;
    await notifications?.close();
  }

  private announceAll(): void {
    const now = performance.now();
    for (const [tenantId, { emptySince }] of this.tenants) {
      if (emptySince !== null && now - emptySince > KEPT_WITHOUT_READERS_MS) this.tenants.delete(tenantId);
    }
    if (this.tenants.size === 0) void this.stopListening();
    else this.announce([...this.tenants.keys()]);
  }

  /** Lost ones are made good by the next. */
  private announce(tenantIds: string[]): void {
    const payloads: string[] = [];
    for (let from = 0; from < tenantIds.length; from += TENANTS_A_MESSAGE) {
      payloads.push(tenantIds.slice(from, from + TENANTS_A_MESSAGE).join(','));
    }
    notify(this.db, READERS_CHANNEL, payloads).catch(() => undefined);
  }
}

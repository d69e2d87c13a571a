import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { errorMessage } from '../common/error-message.js';

export interface NotificationsOptions {
  databaseUrl: string;
  channels: readonly string[];
  onNotification: (channel: string, payload: string) => void;
  /** Called each time that it has come to listen: what was told before has been missed. */
  onListening: () => void;
}

const MAX_WAIT_MS = 5_000;

/** A connection of its own that listens for PostgreSQL's notifications, and comes back after a restart of the server. */
export class Notifications {
  private readonly logger = new Logger('Notifications');
  private readonly closing = new AbortController();
  private client: pg.Client | null = null;
  private readonly running: Promise<void>;

  constructor(private readonly options: NotificationsOptions) {
    this.running = this.keepListening();
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.client?.end().catch(() => undefined);
    await this.running;
  }

  private async keepListening(): Promise<void> {
    for (let waitMs = 100; !this.closing.signal.aborted; waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
      try {
        await this.listenOnce(() => (waitMs = 100));
      } catch (error) {
        if (!this.closing.signal.aborted) this.logger.warn(`Not listening: ${errorMessage(error)}; trying again.`);
      }
      await delay(waitMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
    }
  }

  /** For as long as the connection lasts. */
  private async listenOnce(onSuccess: () => void): Promise<void> {
    const { databaseUrl, channels, onNotification, onListening } = this.options;
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'posthaste-notifications',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    this.client = client;
    const failures: Error[] = [];
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
    client.on('error', (error) => failures.push(error));
    client.on('notification', ({ channel, payload }) => onNotification(channel, payload ?? ''));
    try {
      // A client that is told to end while it connects leaves its `connect()` unanswered.
      await Promise.race([client.connect(), ended]);
      for (const channel of channels) await client.query(`LISTEN ${channel}`);
      onSuccess();
      if (!this.closing.signal.aborted) onListening();
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    if (this.closing.signal.aborted) await client.end().catch(() => undefined);
    await ended;
    if (failures[0] !== undefined) throw failures[0];
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { pendingMigrations } from '../database/schema-check.js';
import { REDIS, type RedisOrNone } from '../queue/redis.module.js';

export interface Readiness {
  status: 'ready' | 'degraded' | 'unavailable';
  /** What each part said: `up`, `down`, `pending` migrations, or `off` where it isn't used. */
  checks: {
    postgres: 'up' | 'down';
    migrations: 'up' | 'pending' | 'unknown';
    redis: 'up' | 'down' | 'off';
    shutdown: boolean;
  };
}

const CHECK_TIMEOUT_MS = 2_000;

@Injectable()
export class HealthService {
  private shuttingDown = false;
  private migrated = false;

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    @Inject(REDIS) private readonly redis: RedisOrNone,
  ) {}

  /**
   * Load balancers are to see it before anything else stops. Called at the signal itself: Nest's shutdown hooks run one
   * after the other, this one perhaps behind a worker that waits for its attempts.
   */
  beginShutdown(): void {
    this.shuttingDown = true;
  }

  /** Redis away is no reason to take no events: they are committed, and delivered when it is back. */
  async readiness(): Promise<Readiness> {
    const [postgres, redis] = await Promise.all([this.checkPostgres(), this.checkRedis()]);
    const migrations = postgres === 'down' ? 'unknown' : await this.checkMigrations();
    const fine = postgres === 'up' && migrations === 'up' && !this.shuttingDown;
    return {
      status: !fine ? 'unavailable' : redis === 'down' ? 'degraded' : 'ready',
      checks: { postgres, migrations, redis, shutdown: this.shuttingDown },
    };
  }

  private async checkPostgres(): Promise<'up' | 'down'> {
    return this.within(this.db.query('SELECT 1'));
  }

  private async checkRedis(): Promise<'up' | 'down' | 'off'> {
    return this.redis === null ? 'off' : this.within(this.redis.ping());
  }

  private async checkMigrations(): Promise<'up' | 'pending' | 'unknown'> {
    if (this.migrated) return 'up';
    try {
      this.migrated = (await pendingMigrations(this.db)).length === 0;
      return this.migrated ? 'up' : 'pending';
    } catch {
      return 'unknown';
    }
  }

  private async within(check: Promise<unknown>): Promise<'up' | 'down'> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'down'>((resolve) => {
      timer = setTimeout(() => resolve('down'), CHECK_TIMEOUT_MS);
    });
    const answer = check.then(
      () => 'up' as const,
      () => 'down' as const,
    );
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }
}

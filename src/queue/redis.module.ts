import { Global, Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Config } from '../config/config.js';

export const REDIS = Symbol('REDIS');

/** The process's own Redis connection for commands, or null where PostgreSQL does it all. */
export type RedisOrNone = Redis | null;

function connect(config: Config): RedisOrNone {
  if (config.redisUrl === undefined) return null;
  const logger = new Logger('Redis');
  const redis = new Redis(config.redisUrl, {
    // A producer must fail at once when Redis is away: PostgreSQL holds the truth, and the feeder repairs the queue.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 5_000,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 5), 2_000),
  });
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) logger.warn(`Redis is away: ${error.message || (error as NodeJS.ErrnoException).code}`);
    away = true;
  });
  redis.on('ready', () => {
    if (away) logger.warn('Redis is back.');
    away = false;
    void warnAboutEviction(redis, logger);
  });
  return redis;
}

/** With any other policy a full Redis throws queued jobs away in silence. */
async function warnAboutEviction(redis: Redis, logger: Logger): Promise<void> {
  try {
    const policy = /maxmemory_policy:(\S+)/.exec(await redis.info('memory'))?.[1];
    if (policy !== undefined && policy !== 'noeviction') {
      logger.warn(
        `Redis has maxmemory-policy ${policy}: set it to noeviction, or a full Redis drops queued deliveries.`,
      );
    }
  } catch {
    // Not every provider answers INFO; the queue repairs itself in any case.
  }
}

@Global()
@Module({
  providers: [{ provide: REDIS, inject: [Config], useFactory: connect }],
  exports: [REDIS],
})
export class RedisModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS) private readonly redis: RedisOrNone) {}

  onApplicationShutdown(): void {
    this.redis?.disconnect();
  }
}

import { Global, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { REDIS, type RedisOrNone } from '../queue/redis.module.js';
import { PostgresTokenBuckets } from './postgres-token-buckets.js';
import { RedisTokenBuckets } from './redis-token-buckets.js';
import { TokenBuckets } from './token-buckets.js';

/** The buckets live where the queue does: on Redis where there is one, else on PostgreSQL. */
@Global()
@Module({
  providers: [
    {
      provide: TokenBuckets,
      inject: [REDIS, Config, getDataSourceToken()],
      useFactory: (redis: RedisOrNone, config: Config, db: DataSource): TokenBuckets =>
        redis === null
          ? new PostgresTokenBuckets((sql, parameters) => db.query(sql, parameters))
          : new RedisTokenBuckets(redis, `${config.queuePrefix}:bucket:`),
    },
  ],
  exports: [TokenBuckets],
})
export class RateLimitModule {}

import { Module } from '@nestjs/common';
import { SecretBoxModule } from './common/secret-box.module.js';
import { ConfigModule } from './config/config.module.js';
import { DatabaseModule } from './database/database.module.js';
import { LogModule } from './common/log.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { RedisModule } from './queue/redis.module.js';
import { TracingModule } from './tracing/tracing.module.js';
import { RateLimitModule } from './rate-limit/rate-limit.module.js';

/** What both processes stand on. */
@Module({
  imports: [
    ConfigModule,
    LogModule,
    DatabaseModule,
    RedisModule,
    SecretBoxModule,
    MetricsModule,
    RateLimitModule,
    TracingModule,
  ],
})
export class CoreModule {}

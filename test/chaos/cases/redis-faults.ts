import { Redis } from 'ioredis';
import { Chaos } from '../../support/chaos.js';
import { Publisher, type PublishFigures } from '../../support/chaos-publisher.js';
import type { CaseReport } from '../../support/chaos-report.js';
import { waitFor } from '../../support/processes.js';

export interface RedisFaultReport extends CaseReport {
  publishes: PublishFigures;
  readiness: string[];
}

export interface RedisFaultOptions {
  events: number;
  perSecond: number;
}

/** What Redis forgets, PostgreSQL knows: everything queued is thrown away in mid-run. */
export function flushRedis({ events, perSecond }: RedisFaultOptions): Promise<RedisFaultReport> {
  return underLoad(events, perSecond, async (chaos) => {
    await withRedis(chaos, (redis) => redis.flushall());
  });
}

/** Redis is away for a time, and comes back empty. */
export function restartRedisEmpty(options: RedisFaultOptions & { awayMs: number }): Promise<RedisFaultReport> {
  return underLoad(options.events, options.perSecond, async (chaos, noteReadiness) => {
    await chaos.redis?.kill('SIGKILL');
    const backAt = performance.now() + options.awayMs;
    await waitFor(() => performance.now() > backAt - options.awayMs / 2, {
      timeoutMs: options.awayMs,
      what: 'half the time',
    });
    await noteReadiness();
    await waitFor(() => performance.now() > backAt, { timeoutMs: options.awayMs, what: 'the outage to end' });
    await chaos.restartRedis();
  });
}

/** Redis has no memory left and, as it must be set, evicts nothing: every write fails for a time. */
export function fillRedis(options: RedisFaultOptions & { fullMs: number }): Promise<RedisFaultReport> {
  return underLoad(options.events, options.perSecond, async (chaos, noteReadiness) => {
    await withRedis(chaos, async (redis) => {
      const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
      // Less than it has in use already: the next write that needs memory is refused.
      await redis.config('SET', 'maxmemory', String(Math.floor(used / 2)));
      const refused = await redis.set('one more', 'x').catch((error: Error) => error.message);
      if (!refused?.startsWith('OOM')) throw new Error(`Redis took a write: ${String(refused)}`);
      const endsAt = performance.now() + options.fullMs;
      await waitFor(() => performance.now() > endsAt - options.fullMs / 2, {
        timeoutMs: options.fullMs,
        what: 'half the time',
      });
      await noteReadiness();
      await waitFor(() => performance.now() > endsAt, { timeoutMs: options.fullMs, what: 'the end of it' });
      await redis.config('SET', 'maxmemory', '0');
    });
  });
}

async function underLoad(
  events: number,
  perSecond: number,
  fault: (chaos: Chaos, noteReadiness: () => Promise<void>) => Promise<void>,
): Promise<RedisFaultReport> {
  return Chaos.run({ backend: 'redis', workers: 2 }, async (chaos) => {
    // One with limits, so that the token buckets are part of it.
    const tenants = await chaos.createTenants(8);
    await chaos.posthaste.operator.patch(`/tenants/${tenants[0]?.id}`, {
      rate_limit: 600_000,
      delivery_rate_limit: 1_000,
    });
    const publisher = new Publisher({ ledger: chaos.ledger, tenants, events, perSecond });
    await waitFor(() => publisher.progress >= events / 4, { timeoutMs: 120_000, what: 'a quarter of the events' });
    const readiness: string[] = [];
    await fault(chaos, async () => {
      const response = await fetch(`${chaos.posthaste.url}/health/ready`);
      readiness.push(`${response.status} ${((await response.json()) as { status: string }).status}`);
    });
    await publisher.done;
    const report = await chaos.settle(240_000);
    return { ...report, publishes: publisher.figures(), readiness };
  });
}

async function withRedis(chaos: Chaos, action: (redis: Redis) => Promise<unknown>): Promise<void> {
  if (chaos.redis === null) throw new Error('No Redis in this case');
  const redis = new Redis(chaos.redis.url);
  try {
    await action(redis);
  } finally {
    redis.disconnect();
  }
}

import type { Redis } from 'ioredis';

import type { Order } from './order-rounds.js';
import { LEVEL_TOLERANCE, TokenBuckets, type Spending } from './token-buckets.js';

/**
 * KEYS: the buckets. ARGV: five values a bucket (rate, burst, tokens, credit, divisible).
 * Lua's own conversion keeps 14 digits only, hence the formats.
 */
const SPEND_SCRIPT = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local reply = {}
for i, key in ipairs(KEYS) do
  local arg = (i - 1) * 5
  local rate, burst = tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])
  local tokens, credit = tonumber(ARGV[arg + 3]), tonumber(ARGV[arg + 4])
  local divisible = ARGV[arg + 5] == '1'

  local level = burst
  local stored = redis.call('HMGET', key, 'tokens', 'at')
  if stored[1] then
    -- A clock that was set back gains nothing for the moment, and starts anew from where it stands.
    local elapsed = math.max(0, now - tonumber(stored[2])) / 1000000
    level = math.min(burst, tonumber(stored[1]) + elapsed * rate)
  end

  local reach = level + credit + ${LEVEL_TOLERANCE}
  local granted = 0
  if tokens <= reach then
    granted = tokens
  elseif divisible then
    granted = math.max(0, math.floor(reach))
  end
  level = math.min(burst, level - granted)

  redis.call('HSET', key, 'tokens', string.format('%.17g', level), 'at', string.format('%.0f', now))
  -- An absent bucket is a full one: the key may go as soon as it would be full.
  local untilFull = math.ceil((burst - level) / rate * 1000) + 1000
  redis.call('PEXPIRE', key, string.format('%.0f', math.min(untilFull, 1e12)))
  reply[2 * i - 1] = string.format('%.17g', granted)
  reply[2 * i] = string.format('%.17g', level)
end
return reply
`;

interface SpendCommand {
  spendPosthasteTokens(keyCount: number, ...keysAndArguments: string[]): Promise<string[]>;
}

/**
 * Token buckets in Redis: one script call for any number of buckets, on the server's clock, a hash a bucket that expires
 * once the bucket is full. Not for Redis Cluster, where one script can't reach keys in different slots.
 */
export class RedisTokenBuckets extends TokenBuckets {
  private readonly redis: SpendCommand;

  /**
   * @param redis gets one more command; should fail fast (`enableOfflineQueue: false` or a `commandTimeout`), as callers
   *   go on unlimited when the store is away
   * @param keyPrefix set before every bucket's key
   */
  constructor(
    redis: Redis,
    private readonly keyPrefix = 'posthaste:bucket:',
  ) {
    super();
    redis.defineCommand('spendPosthasteTokens', { lua: SPEND_SCRIPT });
    this.redis = redis as Redis & SpendCommand;
  }

  protected override async spend(orders: readonly Order[]): Promise<Spending[]> {
    const keys = orders.map((order) => this.keyPrefix + order.key);
    const values = orders.flatMap(({ limit, tokens, credit, divisible }) =>
      [limit.ratePerSecond, limit.burst, tokens, credit, divisible ? 1 : 0].map(String),
    );
    const reply = await this.redis.spendPosthasteTokens(keys.length, ...keys, ...values);
    return orders.map((_, index) => ({ granted: Number(reply[2 * index]), level: Number(reply[2 * index + 1]) }));
  }
}

import { Redis } from 'ioredis';
import { errorMessage } from '../common/error-message.js';
import { ok, problem, skipped, warning, type Finding } from './finding.js';
import { judgeEviction, judgeRedis, judgeRedisMemory } from './verdicts.js';

const TIMEOUT_MS = 5_000;

export async function checkRedis(redisUrl: string | undefined): Promise<Finding[]> {
  if (redisUrl === undefined) return [skipped('redis.connection', 'REDIS_URL is not set: the queue is in PostgreSQL')];
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
  });
  let connectError: unknown;
  redis.on('error', (error) => (connectError = error));
  try {
    await redis.connect();
    await redis.ping();
    return [ok('redis.connection', 'Redis answers'), ...(await judgeInfo(redis))];
  } catch (error) {
    return [
      problem(
        'redis.connection',
        // What failed first says more than that the connection is closed.
        `Redis does not answer at REDIS_URL: ${errorMessage(connectError ?? error)}`,
        'Check host, port, password and rediss:// in REDIS_URL, and that the server runs. Until then events are taken and not delivered.',
      ),
    ];
  } finally {
    redis.disconnect();
  }
}

async function judgeInfo(redis: Redis): Promise<Finding[]> {
  let text: string;
  try {
    text = await redis.info();
  } catch (error) {
    return [
      skipped('redis.version', `Redis answers no INFO (${errorMessage(error)}): its version and policy are not known`),
    ];
  }
  const info = Object.fromEntries(
    [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = '', value]) => [name, value]),
  );
  const findings = [
    judgeRedis(info.redis_version ?? '0'),
    judgeEviction(info.maxmemory_policy),
    judgeRedisMemory(Number(info.used_memory ?? 0), Number(info.maxmemory ?? 0)),
  ];
  if (info.role === 'slave') {
    findings.push(
      problem(
        'redis.role',
        'Redis at REDIS_URL is a replica, which takes no writes',
        'Point REDIS_URL at the primary.',
      ),
    );
  }
  if (info.aof_enabled === '0') {
    findings.push(
      warning(
        'redis.persistence',
        'Redis keeps no append-only file: after a restart the queue is empty until the feeder has filled it again',
        'Nothing is lost; redis-cli config set appendonly yes spares the pause of up to LEASE_SECONDS.',
      ),
    );
  }
  return findings;
}

import { redisUrlForTests } from './redis-server.js';

/** What the queue and the token buckets run on. */
export type Backend = 'redis' | 'postgres';

const WITHOUT_REDIS = '(skipped, as there is no Redis: apt-get install redis-server, or set REDIS_URL)';

/** The same scenarios once on each backend; the titles name it, and the counts at the end of a run are by that name. */
export function describeBackends(name: string, suite: (backend: Backend) => void): void {
  describe(`${name} [postgres]`, () => suite('postgres'));
  describeRedis(name, () => suite('redis'));
}

/** Scenarios that only mean something where Redis runs. */
export function describeRedis(name: string, suite: () => void): void {
  if (redisUrlForTests() === undefined) describe.skip(`${name} [redis] ${WITHOUT_REDIS}`, suite);
  else describe(`${name} [redis]`, suite);
}

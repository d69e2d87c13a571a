import { ConfigError, loadConfig, type Config } from '../config/config.js';
import { checkPostgres } from './check-postgres.js';
import { checkRedis } from './check-redis.js';
import { ok, problem, type Finding } from './finding.js';
import { judgeNode } from './verdicts.js';

export interface DoctorOptions {
  /** Default: the environment. */
  env?: NodeJS.ProcessEnv;
  /** This machine's clock, in milliseconds. */
  now?: () => number;
}

/** Looks at all that a process needs in order to run, changes nothing, and never throws. */
export async function examine({ env, now = Date.now }: DoctorOptions = {}): Promise<Finding[]> {
  const node = judgeNode(process.versions.node);
  let config: Config;
  try {
    config = loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Where the settings are wrong, what they point at may be, too.
    return [node, ...error.message.split('\n').map((line) => problem('settings', line, 'See .env.example.'))];
  }
  const [postgres, redis] = await Promise.all([checkPostgres(config, now), checkRedis(config.redisUrl)]);
  return [node, ok('settings', 'The settings can be read'), ...postgres, ...redis];
}

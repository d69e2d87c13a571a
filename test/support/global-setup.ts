import Module from 'node:module';

interface ModuleInternals {
  _resolveFilename(request: string, parent: { filename?: string } | undefined, ...rest: unknown[]): string;
}

/** What the teardown finds: stops exactly what was started here. */
export interface TestGlobals {
  stopPosthasteTestServers?: () => Promise<void>;
}

/**
 * Starts the servers that all integration and end-to-end tests share, once per run: a throw-away PostgreSQL, and
 * a Redis where there is one. Their addresses go to the tests by the environment.
 */
export default async function globalSetup(): Promise<void> {
  resolveTypeScriptSources();
  const { sweepTempFolders } = await import('./temp-folder.js');
  sweepTempFolders();

  const started: (() => Promise<void>)[] = [];
  const stopAll = async (): Promise<void> => {
    for (const stop of started.splice(0).reverse()) await stop();
  };
  (globalThis as TestGlobals).stopPosthasteTestServers = stopAll;
  try {
    process.env.POSTHASTE_TEST_PG_URL = await startSharedPostgres(started);
    const redisUrl = await findOrStartRedis(started);
    if (redisUrl !== undefined) process.env.POSTHASTE_TEST_REDIS_URL = redisUrl;
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function startSharedPostgres(started: (() => Promise<void>)[]): Promise<string> {
  const { FAST_SETTINGS, startPostgres } = await import('./postgres-server.js');
  const { databaseUrl } = await import('./database.js');

  const server = await startPostgres({ settings: FAST_SETTINGS });
  started.push(() => server.remove());
  return databaseUrl(server.url, 'postgres');
}

async function findOrStartRedis(started: (() => Promise<void>)[]): Promise<string | undefined> {
  const given = process.env.REDIS_URL;
  if (given !== undefined && given !== '') return given;
  const { redisBinary, startRedis } = await import('./redis-server.js');
  if (redisBinary() === undefined) {
    console.log(
      'No Redis: its tests are skipped. Install redis-server (apt-get install redis-server) or set REDIS_URL.',
    );
    return undefined;
  }
  const redis = await startRedis();
  started.push(() => redis.stop());
  return redis.url;
}

/**
 * jest applies its moduleNameMapper to tests, but loads this file with Node's own `require`, which takes the `.js` of our
 * relative imports at its word. So here, too, `./x.js` means `./x.ts` where only that exists.
 */
function resolveTypeScriptSources(): void {
  const internals = Module as unknown as ModuleInternals;
  const resolveFilename = internals._resolveFilename.bind(Module);
  internals._resolveFilename = (request, parent, ...rest) => {
    try {
      return resolveFilename(request, parent, ...rest);
    } catch (error) {
      const isOurs = parent?.filename?.endsWith('.ts') === true && /^\.\.?\/.*\.js$/.test(request);
      if (!isOurs) throw error;
      return resolveFilename(request.replace(/\.js$/, '.ts'), parent, ...rest);
    }
  };
}

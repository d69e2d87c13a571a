import { localUrl, LOOPBACK_CIDRS, opensLoopback, type ResolvedSettings } from './launcher-settings.js';

export interface BannerFacts {
  settings: ResolvedSettings;
  /** Where the embedded server keeps its data; undefined with a server of the operator's own. */
  clusterDir: string | undefined;
  /** Show the operator's key: only when it was made here. */
  showKey: boolean;
  seconds: number;
}

/** What the operator sees when everything runs. */
export function bannerLines({ settings, clusterDir, showKey, seconds }: BannerFacts): string[] {
  const url = localUrl(settings, settings.port);
  const rows: [string, string][] = [
    ['Dashboard', url],
    ['API', `${url}/api/v1`],
    ['Docs', `${url}/docs`],
    ['Operator key', showKey ? settings.adminApiKey : 'as set in ADMIN_API_KEY'],
    [
      'Data',
      clusterDir === undefined
        ? `PostgreSQL at ${databaseLabel(settings.databaseUrl)}`
        : dataLabel(settings, clusterDir),
    ],
    ['Queue', settings.redisUrl === undefined ? 'BullMQ on PostgreSQL (set REDIS_URL for Redis)' : 'BullMQ on Redis'],
  ];
  if (opensLoopback(settings)) {
    rows.push([
      'Endpoints',
      `may lie on this machine (ALLOWED_PRIVATE_CIDRS=${LOOPBACK_CIDRS}; set it to change that)`,
    ]);
  }
  // In double quotes the shell puts the operator's own key in, so that it is not shown here.
  const keyHeader = showKey ? `'X-API-Key: ${settings.adminApiKey}'` : '"X-API-Key: $ADMIN_API_KEY"';
  return [
    '',
    `  Posthaste is running (started in ${seconds.toFixed(1)} s).`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(14)}${value}`),
    '',
    '  Create a tenant:',
    `  curl -s ${url}/api/v1/tenants -H ${keyHeader} -H 'Content-Type: application/json' -d '{"name":"Acme"}'`,
    '',
    '  Ctrl-C stops everything.',
    '',
  ];
}

function dataLabel({ dataDir }: ResolvedSettings, clusterDir: string): string {
  return clusterDir.startsWith(`${dataDir}/`)
    ? `${dataDir} (embedded PostgreSQL)`
    : `${dataDir}, embedded PostgreSQL in ${clusterDir}`;
}

/** Host, port and database of a connection URL, without user and password; the text `DATABASE_URL` when it is no URL. */
export function databaseLabel(databaseUrl: string): string {
  try {
    const { host, pathname } = new URL(databaseUrl);
    return `${host}${pathname}`;
  } catch {
    return 'DATABASE_URL';
  }
}

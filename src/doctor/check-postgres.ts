import pg from 'pg';
import type { DataSource } from 'typeorm';
import { errorMessage } from '../common/error-message.js';
import type { Config } from '../config/config.js';
import { createDataSource } from '../database/data-source.js';
import { checkDisk } from './check-disk.js';
import { checkSchema } from './check-schema.js';
import { ok, problem, type Finding } from './finding.js';
import { judgeClock, judgeConnections, judgePostgres } from './verdicts.js';

/** BullMQ's pool and its LISTEN connection, where the queue is in PostgreSQL. */
const QUEUE_CONNECTIONS = 11;

/** What to do, by SQLSTATE or system error. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Start PostgreSQL, or correct host and port in DATABASE_URL.',
  ENOTFOUND: 'Correct the host in DATABASE_URL, or its name in DNS.',
  ETIMEDOUT: 'Something on the way drops the packets: look at firewalls, security groups and network policies.',
  '28P01': 'Correct user and password in DATABASE_URL.',
  '28000': 'Let this user in from this machine: pg_hba.conf, or sslmode in DATABASE_URL.',
  '3D000': 'Create the database: createdb, or CREATE DATABASE.',
  '53300': 'Raise max_connections, or lower DATABASE_POOL_SIZE.',
};

interface ServerRow {
  version: number;
  now_ms: string;
  in_recovery: boolean;
  used: number;
  max: number;
}

/** @param now this machine's clock, in milliseconds */
export async function checkPostgres(config: Config, now: () => number): Promise<Finding[]> {
  let db: DataSource;
  try {
    await tryToConnect(config.databaseUrl);
    db = await createDataSource(config.databaseUrl, 1).initialize();
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    return [
      problem(
        'postgres.connection',
        `PostgreSQL does not answer at DATABASE_URL: ${errorMessage(error)}`,
        ADVICE[code] ?? 'Check DATABASE_URL, and that the server runs and can be reached from here.',
      ),
    ];
  }
  try {
    return [
      ok('postgres.connection', 'PostgreSQL answers'),
      ...(await checkServer(db, config, now)),
      ...(await checkDisk(db, config.databaseUrl)),
      ...(await checkSchema(db, config, now())),
    ];
  } catch (error) {
    return [
      problem('postgres.reading', `The database could not be examined: ${errorMessage(error)}`, 'See the message.'),
    ];
  } finally {
    await db.destroy();
  }
}

/** TypeORM logs, and wraps, what fails while it connects. */
async function tryToConnect(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function checkServer(db: DataSource, config: Config, now: () => number): Promise<Finding[]> {
  const before = now();
  const [server] = await db.query<ServerRow[]>(
    `SELECT current_setting('server_version_num')::int AS version, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms,
       pg_is_in_recovery() AS in_recovery, current_setting('max_connections')::int AS max,
       (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used`,
  );
  const after = now();
  if (server === undefined) return [];
  const findings = [
    judgePostgres(server.version),
    // The answer was made somewhere between asking and hearing it.
    judgeClock((before + after) / 2 - Number(server.now_ms)),
    judgeConnections(
      server.used,
      server.max,
      config.databasePoolSize + (config.redisUrl === undefined ? QUEUE_CONNECTIONS : 0),
    ),
  ];
  if (server.in_recovery) {
    findings.push(
      problem(
        'postgres.role',
        'PostgreSQL at DATABASE_URL is a standby, which takes no writes',
        'Point it at the primary.',
      ),
    );
  }
  return findings;
}

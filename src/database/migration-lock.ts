import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

/** Among PostgreSQL's advisory locks: of several that migrate at once, the others wait and then find nothing to do. */
const LOCK_KEY = 5_071_846_290;
const ASK_AGAIN_MS = 500;
const TELL_AGAIN_MS = 30_000;

/**
 * Runs the job while no other process migrates this database. The wait has no limit: another's migration may rightly take
 * hours, and giving up would fail the deployment whose migrations are just being run. The lock is its session's, so it ends
 * with the process, however that ends; a pooler in transaction mode keeps no session, hence migrations go round it.
 * @param tell told when another has the lock, and every half minute while it has
 */
export async function withMigrationLock<T>(
  databaseUrl: string,
  tell: (line: string) => void,
  job: () => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'posthaste-migrate',
    connectionTimeoutMillis: 5_000,
    // Idle for as long as the migrations run: nothing on the way may take the connection for dead.
    keepAlive: true,
  });
  let lost: Error | undefined;
  client.on('error', (error) => (lost = error));
  await client.connect();
  try {
    // The database or the role may have limits of its own by default.
    await client.query('SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0');
    await waitForLock(client, tell);
    const result = await job();
    if (lost !== undefined) throw lost;
    return result;
  } finally {
    await client.end();
  }
}

/**
 * Asks time and again instead of waiting in `pg_advisory_lock`: that is a statement with a snapshot, for which the other
 * process's CREATE INDEX CONCURRENTLY would wait in its turn. PostgreSQL can't see that the two wait for each other.
 */
async function waitForLock(client: pg.Client, tell: (line: string) => void): Promise<void> {
  const beganAt = performance.now();
  for (let toldAt = -Infinity; ; await delay(ASK_AGAIN_MS)) {
    const { rows } = await client.query<{ mine: boolean }>(`SELECT pg_try_advisory_lock($1) AS mine`, [LOCK_KEY]);
    if (rows[0]?.mine === true) return;
    const now = performance.now();
    if (now - toldAt < TELL_AGAIN_MS) continue;
    toldAt = now;
    const seconds = Math.round((now - beganAt) / 1_000);
    const since = seconds === 0 ? '' : ` (for ${seconds} s now)`;
    tell(`Another process is migrating this database: waiting until it is done${since}.`);
  }
}

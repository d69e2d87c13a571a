import { assertSchemaCompatibility, LATEST_SCHEMA_VERSION } from 'bullmq';
import type { DataSource } from 'typeorm';
import { errorMessage } from '../common/error-message.js';
import { SecretBox } from '../common/secret-box.js';
import type { Config } from '../config/config.js';
import { missingPartitions } from '../database/partitions.js';
import { pendingMigrations, unknownMigrations } from '../database/schema-check.js';
import { isBehindTheWall, obstacleToTenantRole } from '../database/tenant-role.js';
import { QUEUE_SCHEMA } from '../queue/queue-schema.js';
import { oldestDueSeconds, sealingKeys } from './database-state.query.js';
import { ok, problem, warning, type Finding } from './finding.js';

const MIGRATE = 'Run posthaste migrate (npm run migration:run).';
/** Two leases of the default length: whatever was lost from the queue is in it again by then. */
const OVERDUE_SECONDS = 120;

export async function checkSchema(db: DataSource, config: Config, nowMs: number): Promise<Finding[]> {
  const pending = await pendingMigrations(db);
  if (pending.length > 0) {
    // Without tables there is nothing more to look at.
    return [problem('schema.migrations', `${pending.length} migration(s) are pending: ${pending.join(', ')}`, MIGRATE)];
  }
  return [
    await checkNewer(db),
    await checkQueueSchema(db),
    await checkPartitions(db, nowMs),
    ...(await checkUser(db)),
    await checkKeys(db, config),
    await checkOverdue(db),
  ];
}

async function checkNewer(db: DataSource): Promise<Finding> {
  const unknown = await unknownMigrations(db);
  if (unknown.length === 0) return ok('schema.migrations', 'All migrations have run');
  return warning(
    'schema.migrations',
    `The database is newer than this version, which doesn't know ${unknown.join(', ')}`,
    'Fine while an upgrade rolls out; otherwise upgrade this process. See docs/upgrading.md.',
  );
}

async function checkQueueSchema(db: DataSource): Promise<Finding> {
  const runner = db.createQueryRunner();
  try {
    const client = {
      query: async (sql: string, values: unknown[]) => ({ rows: (await runner.query(sql, values)) as unknown[] }),
    };
    const version = await assertSchemaCompatibility(client as never, QUEUE_SCHEMA);
    if (version >= LATEST_SCHEMA_VERSION) return ok('schema.queue', `BullMQ's schema is at version ${version}`);
    return problem('schema.queue', `BullMQ's schema is at version ${version} of ${LATEST_SCHEMA_VERSION}`, MIGRATE);
  } catch (error) {
    return problem('schema.queue', `BullMQ's schema can't be used: ${errorMessage(error)}`, MIGRATE);
  } finally {
    await runner.release();
  }
}

async function checkPartitions(db: DataSource, nowMs: number): Promise<Finding> {
  const missing = await missingPartitions(db, nowMs);
  if (missing.length === 0) return ok('schema.partitions', 'Partitions are made ahead');
  return problem(
    'schema.partitions',
    `Partitions are missing: ${missing.join(', ')}`,
    `${MIGRATE} Workers make them each hour: see in a worker's log why none did.`,
  );
}

async function checkUser(db: DataSource): Promise<Finding[]> {
  if (await isBehindTheWall(db)) {
    return [
      problem(
        'schema.user',
        'The database user of DATABASE_URL sees no rows, as row-level security holds for it',
        'Use the user that ran the migrations and owns the tables, or give this one BYPASSRLS.',
      ),
    ];
  }
  const obstacle = await obstacleToTenantRole(db);
  if (obstacle === null) return [ok('schema.row_level_security', 'Row-level security stands between tenants')];
  return [
    warning(
      'schema.row_level_security',
      `Row-level security can't be used: ${obstacle}`,
      `Let the database user make the role (CREATEROLE), or make it: see docs/deployment.md. Then: ${MIGRATE}`,
    ),
  ];
}

async function checkKeys(db: DataSource, config: Config): Promise<Finding> {
  const box = new SecretBox(config.encryptionKey, config.encryptionKeysRetired);
  const keys = await sealingKeys(db);
  const foreign = keys.filter(({ id }) => !box.knows(id));
  if (foreign.length > 0) {
    const count = foreign.reduce((sum, { sealed }) => sum + sealed, 0);
    return problem(
      'schema.encryption_key',
      `${count} secret(s) are sealed with keys that are not known here: ${foreign.map(({ id }) => id).join(', ')}`,
      'Set ENCRYPTION_KEY to the key that this database was used with, and add earlier ones to ENCRYPTION_KEYS_RETIRED.',
    );
  }
  const old = keys.filter(({ id }) => id !== box.keyId);
  if (old.length === 0) return ok('schema.encryption_key', 'ENCRYPTION_KEY opens what is sealed');
  return warning(
    'schema.encryption_key',
    'Some secrets are still sealed with a retired key',
    'Run npm run secrets:reencrypt before you take it out of ENCRYPTION_KEYS_RETIRED.',
  );
}

async function checkOverdue(db: DataSource): Promise<Finding> {
  const seconds = await oldestDueSeconds(db);
  if (seconds < OVERDUE_SECONDS) return ok('deliveries.overdue', 'No delivery waits for a worker');
  return warning(
    'deliveries.overdue',
    `The oldest delivery that is due has waited for ${Math.round(seconds)} s`,
    'Is a worker running, and does its /health/ready answer 200? If so, start more workers.',
  );
}

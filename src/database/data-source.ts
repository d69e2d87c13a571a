import { DataSource, type DataSourceOptions } from 'typeorm';
import { CreateCoreTables1763769600000 } from '../../migrations/1763769600000-create-core-tables.js';
import { CreateCircuitsAndReplays1763773200000 } from '../../migrations/1763773200000-create-circuits-and-replays.js';
import { CreateTenantMinutes1763776800000 } from '../../migrations/1763776800000-create-tenant-minutes.js';
import { IndexWaitingByAttempts1763778600000 } from '../../migrations/1763778600000-index-waiting-by-attempts.js';
import { AddRequireSignedPublish1763780400000 } from '../../migrations/1763780400000-add-require-signed-publish.js';
import { CreateAuditLog1763784000000 } from '../../migrations/1763784000000-create-audit-log.js';
import { AddRowLevelSecurity1763787600000 } from '../../migrations/1763787600000-add-row-level-security.js';
import { AddEndpointTls1763791200000 } from '../../migrations/1763791200000-add-endpoint-tls.js';
import { AddApiKeySuccessor1763794800000 } from '../../migrations/1763794800000-add-api-key-successor.js';
import { IndexUnresolvedDeadLetters1763796600000 } from '../../migrations/1763796600000-index-unresolved-dead-letters.js';
import { CreateWorkerProcesses1763798400000 } from '../../migrations/1763798400000-create-worker-processes.js';
import { IndexUnsuccessfulDeliveries1763802000000 } from '../../migrations/1763802000000-index-unsuccessful-deliveries.js';
import { IndexDeadLettersByEvent1763803000000 } from '../../migrations/1763803000000-index-dead-letters-by-event.js';
import { CreateEndedSessions1763803200000 } from '../../migrations/1763803200000-create-ended-sessions.js';
import { IndexEventTypes1763805600000 } from '../../migrations/1763805600000-index-event-types.js';
import { RelateEndpointsToTenants1763809200000 } from '../../migrations/1763809200000-relate-endpoints-to-tenants.js';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { EndedSession } from '../api-keys/ended-session.entity.js';
import { AuditEntry } from '../audit/audit-entry.entity.js';
import { CircuitTransition } from '../circuit-breaker/circuit-transition.entity.js';
import { EndpointCircuit } from '../circuit-breaker/endpoint-circuit.entity.js';
import { DeadLetter } from '../dead-letters/dead-letter.entity.js';
import { Delivery } from '../deliveries/delivery.entity.js';
import { DeliveryAttempt } from '../deliveries/delivery-attempt.entity.js';
import { Endpoint } from '../endpoints/endpoint.entity.js';
import { EventEntity } from '../events/event.entity.js';
import { IdempotencyKey } from '../events/idempotency-key.entity.js';
import { AttemptMinute } from '../metrics/attempt-minute.entity.js';
import { Replay } from '../replays/replay.entity.js';
import { TenantMinute } from '../stats/tenant-minute.entity.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { PreparingClient } from './prepared-statements.js';
import { SnakeNamingStrategy } from './snake-naming.strategy.js';
import { TenantRemoval } from '../tenants/tenant-removal.entity.js';

/** Named one by one, in order: what runs is what the type checker saw, not what a glob found on a disk. */
const MIGRATIONS = [
  CreateCoreTables1763769600000,
  CreateCircuitsAndReplays1763773200000,
  CreateTenantMinutes1763776800000,
  IndexWaitingByAttempts1763778600000,
  AddRequireSignedPublish1763780400000,
  CreateAuditLog1763784000000,
  AddRowLevelSecurity1763787600000,
  AddEndpointTls1763791200000,
  AddApiKeySuccessor1763794800000,
  IndexUnresolvedDeadLetters1763796600000,
  CreateWorkerProcesses1763798400000,
  IndexUnsuccessfulDeliveries1763802000000,
  IndexDeadLettersByEvent1763803000000,
  CreateEndedSessions1763803200000,
  IndexEventTypes1763805600000,
  RelateEndpointsToTenants1763809200000,
];

const ENTITIES = [
  Tenant,
  TenantRemoval,
  ApiKey,
  EndedSession,
  Endpoint,
  EventEntity,
  IdempotencyKey,
  Delivery,
  DeliveryAttempt,
  DeadLetter,
  EndpointCircuit,
  CircuitTransition,
  AttemptMinute,
  TenantMinute,
  Replay,
  AuditEntry,
];

export interface StatementLimits {
  /** 0: none. */
  statementTimeoutMs: number;
  /** How long a statement waits for a table or a row; 0: for as long as it may run. */
  lockTimeoutMs: number;
}

/** A statement that hangs must not hold a request or a worker for ever. */
const SERVICE_LIMITS: StatementLimits = { statementTimeoutMs: 30_000, lockTimeoutMs: 0 };

/** One place for the options of the application, of the migrations and of the tests. */
export function dataSourceOptions(
  url: string,
  poolSize: number,
  { statementTimeoutMs, lockTimeoutMs }: StatementLimits = SERVICE_LIMITS,
): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    entities: ENTITIES,
    migrations: MIGRATIONS,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    migrationsRun: false,
    installExtensions: false,
    namingStrategy: new SnakeNamingStrategy(),
    applicationName: 'posthaste',
    extra: {
      max: poolSize,
      // As text, as pg does not send a 0: the default of the database or the role would hold.
      statement_timeout: String(statementTimeoutMs),
      lock_timeout: String(lockTimeoutMs),
      connectionTimeoutMillis: 5_000,
      Client: PreparingClient,
    },
  };
}

/** A data source that isn't connected yet. */
export function createDataSource(url: string, poolSize = 5, limits?: StatementLimits): DataSource {
  return new DataSource(dataSourceOptions(url, poolSize, limits));
}

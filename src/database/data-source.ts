import { DataSource, type DataSourceOptions } from 'typeorm';
import { CreateCoreTables1763769600000 } from '../../migrations/1763769600000-create-core-tables.js';
import { CreateCircuitsAndReplays1763773200000 } from '../../migrations/1763773200000-create-circuits-and-replays.js';
import { CreateTenantMinutes1763776800000 } from '../../migrations/1763776800000-create-tenant-minutes.js';
import { ApiKey } from '../api-keys/api-key.entity.js';
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
import { SnakeNamingStrategy } from './snake-naming.strategy.js';
import { TenantRemoval } from '../tenants/tenant-removal.entity.js';

/** Named one by one, in order: what runs is what the type checker saw, not what a glob found on a disk. */
const MIGRATIONS = [
  CreateCoreTables1763769600000,
  CreateCircuitsAndReplays1763773200000,
  CreateTenantMinutes1763776800000,
];

const ENTITIES = [
  Tenant,
  TenantRemoval,
  ApiKey,
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
];

/** One place for the options of the application, of the migrations and of the tests. */
export function dataSourceOptions(url: string, poolSize: number): DataSourceOptions {
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
    // A statement that hangs must not hold a request or a worker for ever; migrations and maintenance lift it.
    extra: { max: poolSize, statement_timeout: 30_000, connectionTimeoutMillis: 5_000 },
  };
}

/** A data source that isn't connected yet. */
export function createDataSource(url: string, poolSize = 5): DataSource {
  return new DataSource(dataSourceOptions(url, poolSize));
}

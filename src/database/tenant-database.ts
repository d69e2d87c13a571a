import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { isUuid } from '../common/ids.js';
import { obstacleToTenantRole, TENANT_ROLE } from './tenant-role.js';

/**
 * The way to PostgreSQL of everything that is done for one tenant at its request. What is asked for passes two walls: the
 * query's own `tenant_id = …`, and row-level security, which shows only this tenant's rows to a query that forgot it.
 *
 * Publishing, feeding, delivering and the upkeep deal with many tenants at once and don't come this way.
 */
@Injectable()
export class TenantDatabase implements OnModuleInit {
  private readonly logger = new Logger(TenantDatabase.name);
  private usable: Promise<boolean> | null = null;

  constructor(@InjectDataSource() private readonly db: DataSource) {}

  async onModuleInit(): Promise<void> {
    await this.canUseRole();
  }

  /**
   * Does the work in a transaction that sees and changes nothing but this tenant's rows. Everything in it must go through
   * the manager, one statement after the other.
   */
  async inTenant<T>(tenantId: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const runner = this.db.createQueryRunner();
    try {
      const preamble = preambleOf(tenantId, await this.canUseRole());
      try {
        await runner.query(preamble);
        takeOver(runner);
        const result = await work(runner.manager);
        await runner.commitTransaction();
        return result;
      } catch (error) {
        await rollBack(runner);
        throw error;
      }
    } finally {
      await runner.release();
    }
  }

  /** Asked once, unless PostgreSQL is away. */
  private canUseRole(): Promise<boolean> {
    this.usable ??= this.askForRole().catch((error: unknown) => {
      this.usable = null;
      throw error;
    });
    return this.usable;
  }

  private async askForRole(): Promise<boolean> {
    const obstacle = await obstacleToTenantRole(this.db);
    if (obstacle !== null) {
      this.logger.warn(
        `Row-level security is not in use: ${obstacle}. Tenants are kept apart by the queries alone; README says how to mend it.`,
      );
    }
    return obstacle === null;
  }
}

/**
 * One round trip instead of three. The role and the setting end with the transaction, however that ends. No parameters are
 * possible in several statements at once, so the id is checked to be one.
 */
function preambleOf(tenantId: string, withRole: boolean): string {
  if (!isUuid(tenantId)) throw new Error('The id of the tenant is not a UUID.');
  const role = withRole ? `SET LOCAL ROLE ${TENANT_ROLE}; ` : '';
  return `BEGIN; ${role}SET LOCAL posthaste.tenant_id = '${tenantId}'`;
}

/** Leaves the runner as its own `startTransaction` would: row locks ask for a transaction, and one within it is a savepoint. */
function takeOver(runner: QueryRunner): void {
  Object.assign(runner, { isTransactionActive: true, transactionDepth: 1 });
}

/** By SQL, as the transaction may have failed before the runner knew of it. */
async function rollBack(runner: QueryRunner): Promise<void> {
  try {
    await runner.query('ROLLBACK');
  } catch {
    // The connection is gone, and with it the transaction; the pool takes no such connection back.
  }
  Object.assign(runner, { isTransactionActive: false, transactionDepth: 0 });
}

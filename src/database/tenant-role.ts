import type { DataSource, EntityManager } from 'typeorm';
import { errorMessage } from '../common/error-message.js';

/**
 * Sees the rows of one tenant, and has no right that a tenant's requests don't need. Roles belong to the whole cluster, so
 * all databases of one share it; what it may do is granted in each.
 */
export const TENANT_ROLE = 'posthaste_tenant';

/** On the tables that the API reads and changes for a tenant. Never on a partition: there no policy holds. */
export const TENANT_GRANTS: Readonly<Record<string, readonly string[]>> = {
  tenants: ['SELECT'],
  api_keys: ['SELECT', 'INSERT', 'UPDATE'],
  endpoints: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  events: ['SELECT'],
  deliveries: ['SELECT', 'INSERT', 'UPDATE'],
  delivery_attempts: ['SELECT'],
  // UPDATE is also what a row lock asks for.
  dead_letters: ['SELECT', 'UPDATE'],
  replays: ['SELECT', 'INSERT'],
  attempt_minutes: ['SELECT'],
  tenant_minutes: ['SELECT'],
  endpoint_circuits: ['SELECT', 'UPDATE', 'DELETE'],
  circuit_transitions: ['SELECT'],
  audit_log: ['SELECT', 'INSERT'],
};

const WANTED = Object.entries(TENANT_GRANTS).flatMap(([table, rights]) => rights.map((right) => ({ table, right })));

interface Rights {
  /** Whether the database user may `SET ROLE` to it. Null: there is no such role. */
  may_set_role: boolean | null;
  may_use_schema: boolean;
  /** `RIGHT ON table` of what is not granted. */
  lacking: string[];
}

async function rightsOf(db: DataSource | EntityManager): Promise<Rights> {
  const roles = await db.query<unknown[]>(`SELECT FROM pg_roles WHERE rolname = $1`, [TENANT_ROLE]);
  if (roles.length === 0) return { may_set_role: null, may_use_schema: false, lacking: [] };
  // Before PostgreSQL 16 every member could set the role.
  const mode = (await versionOf(db)) >= 160_000 ? 'SET' : 'MEMBER';
  const rights = await db.query<Rights[]>(
    `SELECT pg_has_role(current_user, $1, $2) AS may_set_role,
       has_schema_privilege($1, current_schema(), 'USAGE') AS may_use_schema,
       ARRAY(
         SELECT wanted.privilege || ' ON ' || wanted.table_name
         FROM unnest($3::text[], $4::text[]) AS wanted (table_name, privilege)
         WHERE NOT has_table_privilege($1, wanted.table_name, wanted.privilege)
       ) AS lacking`,
    [TENANT_ROLE, mode, WANTED.map(({ table }) => table), WANTED.map(({ right }) => right)],
  );
  return rights[0] as Rights;
}

async function versionOf(db: DataSource | EntityManager): Promise<number> {
  const rows = await db.query<{ n: number }[]>(`SELECT current_setting('server_version_num')::int AS n`);
  return rows[0]?.n ?? 0;
}

/** @returns null when work for a tenant can be done as the role, else why not, for the log */
export async function obstacleToTenantRole(db: DataSource | EntityManager): Promise<string | null> {
  const { may_set_role, may_use_schema, lacking } = await rightsOf(db);
  if (may_set_role === null) return `there is no role ${TENANT_ROLE}`;
  if (!may_set_role) return `the database user may not SET ROLE ${TENANT_ROLE}`;
  if (!may_use_schema) return `${TENANT_ROLE} may not use the schema`;
  return lacking.length === 0 ? null : `${TENANT_ROLE} lacks ${lacking.join(', ')}`;
}

/**
 * Makes the role and gives it what it needs, as far as the database user may. With each migration anew: the user may be
 * allowed more by then, or the database have come from another cluster.
 * @returns null, or why the role can't be worked with
 */
export async function ensureTenantRole(db: DataSource): Promise<string | null> {
  const failures: string[] = [];
  const attempt = async (statement: string): Promise<void> => {
    try {
      await db.query(statement);
    } catch (error) {
      // Another database's migration may be doing the same; what counts is what the rights are in the end.
      failures.push(errorMessage(error));
    }
  };
  let rights = await rightsOf(db);
  if (rights.may_set_role === null) {
    await attempt(`CREATE ROLE ${TENANT_ROLE} NOLOGIN`);
    rights = await rightsOf(db);
  }
  if (rights.may_set_role === false) {
    // To change into it is all that is needed; what it may do, the user may anyway.
    const options = (await versionOf(db)) >= 160_000 ? ' WITH INHERIT FALSE, SET TRUE' : '';
    await attempt(`GRANT ${TENANT_ROLE} TO CURRENT_USER${options}`);
  }
  if (rights.may_set_role !== null) {
    if (!rights.may_use_schema) {
      await attempt(
        `DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO ${TENANT_ROLE}', current_schema()); END $$`,
      );
    }
    for (const lacking of rights.lacking) await attempt(`GRANT ${lacking} TO ${TENANT_ROLE}`);
  }
  const obstacle = await obstacleToTenantRole(db);
  return obstacle && [obstacle, ...failures].join('; ');
}

/**
 * Whether the policies hold for the database user itself, who then sees no rows at all: it is neither the tables' owner nor
 * one who passes by row-level security.
 */
export async function isBehindTheWall(db: DataSource): Promise<boolean> {
  const rows = await db.query<{ active: boolean }[]>(`SELECT row_security_active('events') AS active`);
  return rows[0]?.active === true;
}

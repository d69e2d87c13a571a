import { createHash } from 'node:crypto';
import pg from 'pg';

const names = new Map<string, string>();

/**
 * Marks a statement of the hot paths: each connection has PostgreSQL parse it once, and plan it once where the plan does not hang
 * on its parameters. For constant texts only.
 * @returns the text, unchanged
 */
export function prepared(sql: string): string {
  names.set(sql, `posthaste_${createHash('sha256').update(sql).digest('hex').slice(0, 16)}`);
  return sql;
}

type Query = (config: unknown, values?: unknown, callback?: unknown) => unknown;

/**
 * A client that sends the statements marked by {@link prepared} under their names (TypeORM has no way to name one), and makes the
 * promises of answers itself. Those of pg's own making keep a query and its rows alive until V8 collects old objects, long after
 * everybody has let go of them: each minor collection copied them all, and was ten times as long.
 */
export class PreparingClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as Query;
    const named: Query = (config, values, callback) => {
      if (typeof config !== 'string') return query(config, values, callback);
      const name = names.get(config);
      const statement = name === undefined ? config : { name, text: config };
      if (callback !== undefined || typeof values === 'function') return query(statement, values, callback);
      return new Promise((resolve, reject) => void query(statement, values, settling(resolve, reject)));
    };
    this.query = named as typeof this.query;
  }
}

/** In a function of its own, so that what it makes holds nothing but these two: written where it is used, it would be as pg's. */
const settling =
  (resolve: (result: unknown) => void, reject: (error: Error) => void) =>
  (error: Error | null | undefined, result: unknown): void => {
    if (error) reject(error);
    else resolve(result);
  };

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

/** A client that sends the statements marked by {@link prepared} under their names. TypeORM has no way to name one. */
export class PreparingClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as Query;
    const named: Query = (config, values, callback) => {
      const name = typeof config === 'string' ? names.get(config) : undefined;
      return query(name === undefined ? config : { name, text: config }, values, callback);
    };
    this.query = named as typeof this.query;
  }
}

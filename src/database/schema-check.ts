import type { DataSource } from 'typeorm';

/** Names of migrations that the code knows and the database has not seen. */
export async function pendingMigrations(dataSource: DataSource): Promise<string[]> {
  const done = new Set(await doneMigrations(dataSource));
  return knownMigrations(dataSource).filter((name) => !done.has(name));
}

/** Names of migrations that have run and that this code doesn't know: a newer version's. */
export async function unknownMigrations(dataSource: DataSource): Promise<string[]> {
  const known = new Set(knownMigrations(dataSource));
  return (await doneMigrations(dataSource)).filter((name) => !known.has(name));
}

const knownMigrations = (dataSource: DataSource): string[] =>
  dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name);

async function doneMigrations(dataSource: DataSource): Promise<string[]> {
  const [{ exists } = { exists: false }] = await dataSource.query<{ exists: boolean }[]>(
    `SELECT to_regclass('migrations') IS NOT NULL AS exists`,
  );
  if (!exists) return [];
  const rows = await dataSource.query<{ name: string }[]>(`SELECT name FROM migrations ORDER BY id`);
  return rows.map(({ name }) => name);
}

import type { DataSource } from 'typeorm';

/** Names of migrations that the code knows and the database has not seen. */
export async function pendingMigrations(dataSource: DataSource): Promise<string[]> {
  const known = dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name);
  const [{ exists } = { exists: false }] = await dataSource.query<{ exists: boolean }[]>(
    `SELECT to_regclass('migrations') IS NOT NULL AS exists`,
  );
  if (!exists) return known;
  const rows = await dataSource.query<{ name: string }[]>(`SELECT name FROM migrations`);
  const done = new Set(rows.map(({ name }) => name));
  return known.filter((name) => !done.has(name));
}

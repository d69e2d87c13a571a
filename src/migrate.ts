import { errorMessage } from './common/error-message.js';
import { ConfigError, loadConfig } from './config/config.js';
import { migrateDatabase } from './database/migrate-database.js';

/** What `npm start` runs before the roles; for people there is `posthaste migrate` (`src/cli.ts`). */
try {
  const { databaseUrl } = loadConfig();
  const done = await migrateDatabase(databaseUrl, (line) => console.warn(line));
  for (const name of done) console.log(`migrated: ${name}`);
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : `Migrating failed: ${errorMessage(error)}`);
  process.exitCode = 1;
}

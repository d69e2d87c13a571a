import { errorMessage } from './common/error-message.js';
import { ConfigError, loadConfig } from './config/config.js';
import { migrateDatabase, revertLastMigration } from './database/migrate-database.js';

/** `npm run migration:run`, and with the argument `revert` `npm run migration:revert`. */
try {
  const { databaseUrl } = loadConfig();
  if (process.argv[2] === 'revert') {
    console.log(`reverted: ${(await revertLastMigration(databaseUrl)) ?? 'nothing, no migration has run'}`);
  } else {
    for (const name of await migrateDatabase(databaseUrl)) console.log(`migrated: ${name}`);
  }
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : `Migrating failed: ${errorMessage(error)}`);
  process.exitCode = 1;
}

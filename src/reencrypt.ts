import { errorMessage } from './common/error-message.js';
import { SecretBox } from './common/secret-box.js';
import { ConfigError, loadConfig } from './config/config.js';
import { createDataSource } from './database/data-source.js';
import { reencryptSecrets, type ColumnReport } from './reencryption/reencrypt-secrets.js';

/** `npm run secrets:reencrypt`: seals everything with `ENCRYPTION_KEY` that one of `ENCRYPTION_KEYS_RETIRED` has sealed. */
const dryRun = process.argv.slice(2).includes('--dry-run');
const SHOWN_IDS = 10;

try {
  const unknown = process.argv.slice(2).filter((argument) => argument !== '--dry-run');
  if (unknown.length > 0) throw new ConfigError(`Unknown argument ${unknown[0]}; there is only --dry-run.`);
  const config = loadConfig();
  const box = new SecretBox(config.encryptionKey, config.encryptionKeysRetired);
  const db = await createDataSource(config.databaseUrl, 2).initialize();
  try {
    if (!tell(await reencryptSecrets(db, box, { dryRun }), box.keyId)) process.exitCode = 1;
  } finally {
    await db.destroy();
  }
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : `Re-encrypting failed: ${errorMessage(error)}`);
  process.exitCode = 1;
}

/** Whether the retired keys can be taken away now. */
function tell(reports: readonly ColumnReport[], keyId: string): boolean {
  for (const { column, resealed, unreadable, left } of reports) {
    console.log(`${column}: ${resealed} ${dryRun ? 'to re-encrypt' : 're-encrypted'}, ${unreadable.length} unreadable`);
    if (unreadable.length > 0) {
      const more = unreadable.length > SHOWN_IDS ? ', …' : '';
      console.log(`  no known key opens those of ${unreadable.slice(0, SHOWN_IDS).join(', ')}${more}`);
    }
    if (left > 0) console.log(`  ${left} changed at the same time: run it again`);
  }
  const isDone = reports.every(({ unreadable, left }) => unreadable.length === 0 && left === 0);
  if (dryRun) console.log('Nothing was written (--dry-run).');
  else if (isDone) console.log(`Everything is sealed with key ${keyId}: the retired keys can go.`);
  else console.log('Keep the retired keys.');
  return isDone;
}

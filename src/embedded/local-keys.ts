import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, LaunchError } from './launch-error.js';

export interface LocalKeys {
  /** `pha_` and 43 characters: about 256 bits. */
  adminApiKey: string;
  /** 32 bytes in base64. */
  encryptionKey: string;
  /** Whether this call made them. */
  created: boolean;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * The keys that a start without settings makes once and keeps in `keys.json` (mode 600) of the data folder.
 * @throws LaunchError when the file is there but not whole. It is never overwritten: with the encryption key every stored
 * secret would be lost.
 */
export async function loadOrCreateLocalKeys(dataDir: string): Promise<LocalKeys> {
  const file = join(dataDir, 'keys.json');
  const text = await readIfThere(file);
  if (text !== undefined) return { ...parseKeys(text, file), created: false };
  const keys = { adminApiKey: newAdminApiKey(), encryptionKey: randomBytes(32).toString('base64') };
  await mkdir(dataDir, { recursive: true });
  await writeDurably(dataDir, file, `${JSON.stringify(keys, null, 2)}\n`);
  return { ...keys, created: true };
}

const newAdminApiKey = (): string =>
  `pha_${Array.from({ length: 43 }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('')}`;

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new LaunchError(
      `${file} can't be read (${errorCode(error) ?? 'unknown error'}). It holds the encryption key.`,
    );
  }
}

function parseKeys(text: string, file: string): { adminApiKey: string; encryptionKey: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && 'adminApiKey' in value && 'encryptionKey' in value) {
    const { adminApiKey, encryptionKey } = value;
    const whole =
      typeof adminApiKey === 'string' &&
      adminApiKey.length >= 16 &&
      typeof encryptionKey === 'string' &&
      Buffer.from(encryptionKey, 'base64').length === 32;
    if (whole) return { adminApiKey, encryptionKey };
  }
  throw new LaunchError(
    `${file} is damaged. Put a copy of it back: without its encryption key the stored signing secrets can't be read. ` +
      'Only if there is no data to keep, delete the whole data folder.',
  );
}

/** A crash leaves either no file or the whole file: written beside, flushed, then renamed, and the name flushed too. */
async function writeDurably(folder: string, file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const folderHandle = await open(folder, 'r');
  try {
    await folderHandle.sync();
  } finally {
    await folderHandle.close();
  }
}

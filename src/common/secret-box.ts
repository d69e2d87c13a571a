import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
// The sizes of NIST SP 800-38D for GCM: a 96-bit IV and the full 128-bit tag.
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** A text could not be opened. The message names keys by their id and never holds any content. */
export class SecretBoxError extends Error {
  override readonly name = 'SecretBoxError';

  constructor(
    readonly reason: 'not_sealed' | 'unknown_key' | 'tampered',
    message: string,
  ) {
    super(message);
  }
}

/** What is wrong with an encryption key (32 bytes in base64), as a text for the operator; null when it can be used. */
export function validateEncryptionKey(base64: string): string | null {
  // Compared with its own encoding, as Buffer.from() skips what is no base64 without a word.
  const key = Buffer.from(base64, 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== base64) {
    return `must be ${KEY_BYTES} bytes in base64 (44 characters), such as \`openssl rand -base64 ${KEY_BYTES}\` prints`;
  }
  return null;
}

/**
 * Encrypts short secrets for storage (AES-256-GCM). The sealed text is `v1.<key id>.<base64url of IV, ciphertext, tag>`;
 * the key id says which key opens it, so that a key can be replaced while texts of the old one are still about.
 */
export class SecretBox {
  private readonly keys = new Map<string, Buffer>();
  readonly keyId: string;

  /**
   * @param keyBase64 seals and opens
   * @param retiredKeysBase64 only open
   * @throws TypeError when a key is not 32 bytes in base64
   */
  constructor(keyBase64: string, retiredKeysBase64: readonly string[] = []) {
    for (const retired of retiredKeysBase64) this.addKey(retired);
    this.keyId = this.addKey(keyBase64);
  }

  /**
   * @param context where the secret belongs (`endpoint:<id>:secret`). It is authenticated but not stored: a sealed text
   *   that is copied to another row does not open there.
   */
  seal(plain: string, context: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, this.key(this.keyId), iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(context, 'utf8'));
    const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    const box = Buffer.concat([iv, ciphertext, cipher.getAuthTag()]);
    return this.prefix + box.toString('base64url');
  }

  /** @throws SecretBoxError when the text was not sealed by a key known here, for this context, or was changed */
  open(sealed: string, context: string): string {
    const [, keyId = '', encoded = ''] = SEALED.exec(sealed) ?? [];
    const box = Buffer.from(encoded, 'base64url');
    // The last character of base64url may have spare bits: only one of the texts for the same bytes is ours.
    if (box.length < IV_BYTES + TAG_BYTES || box.toString('base64url') !== encoded) {
      throw new SecretBoxError('not_sealed', 'the text is not one that a secret box has sealed');
    }
    const decipher = createDecipheriv(CIPHER, this.key(keyId), box.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context, 'utf8'));
    decipher.setAuthTag(box.subarray(-TAG_BYTES));
    const plain = decipher.update(box.subarray(IV_BYTES, -TAG_BYTES));
    try {
      return Buffer.concat([plain, decipher.final()]).toString('utf8');
    } catch {
      throw new SecretBoxError('tampered', `the text sealed with key ${keyId} was changed or belongs elsewhere`);
    }
  }

  /** What every text begins with that is sealed now, and no text that was sealed with another key. */
  get prefix(): string {
    return `${VERSION}.${this.keyId}.`;
  }

  /** Whether a text that names this key can be opened, if it is whole. */
  knows(keyId: string): boolean {
    return this.keys.has(keyId);
  }

  private key(keyId: string): Buffer {
    const key = this.keys.get(keyId);
    if (key !== undefined) return key;
    const known = [...this.keys.keys()].join(', ');
    throw new SecretBoxError('unknown_key', `the text was sealed with key ${keyId}; known here: ${known}`);
  }

  private addKey(base64: string): string {
    const problem = validateEncryptionKey(base64);
    if (problem !== null) throw new TypeError(`an encryption key ${problem}`);
    const key = Buffer.from(base64, 'base64');
    // The prefix keeps this digest apart from any other use of the key, so that the id gives nothing else away.
    const keyId = createHash('sha256').update('posthaste:secret-box:key-id:').update(key).digest('hex').slice(0, 8);
    this.keys.set(keyId, key);
    return keyId;
  }
}

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

/**
 * How deliveries to an endpoint are signed: `standard` is Standard Webhooks `v1` (HMAC-SHA256), `standard-ed25519` its
 * `v1a`, `sha256` a plain HMAC-SHA256 over the body in `X-Webhook-Signature`.
 */
export type SignatureScheme = 'standard' | 'standard-ed25519' | 'sha256';

/** A secret that does not fit its scheme. `message` is fit for a 422 and never repeats the secret. */
export class InvalidSecretError extends Error {
  override readonly name = 'InvalidSecretError';
}

const SYMMETRIC_PREFIX = 'whsec_';
const PRIVATE_PREFIX = 'whsk_';
const PUBLIC_PREFIX = 'whpk_';
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;
const GENERATED_KEY_BYTES = 32;
const SEED_BYTES = 32;
const ED25519_SECRET_BYTES = 64;
const PLAIN_SECRET = /^[\x21-\x7e](?:[\x20-\x7e]{14,253}[\x21-\x7e])$/;

// The fixed DER wrapping of a raw Ed25519 seed (RFC 8410, section 7): node has no import for the 32 bytes alone.
const PKCS8_ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * A fresh secret for the scheme: `whsec_…` of 32 random bytes, or `whsk_…` for `standard-ed25519`. A `sha256` endpoint
 * gets a `whsec_…` as well, of which it uses the whole text as its key.
 */
export function generateSecret(scheme: SignatureScheme): string {
  if (scheme !== 'standard-ed25519') return SYMMETRIC_PREFIX + randomBytes(GENERATED_KEY_BYTES).toString('base64');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-SEED_BYTES);
  return PRIVATE_PREFIX + Buffer.concat([seed, rawPublicKey(publicKey)]).toString('base64');
}

/** @throws {InvalidSecretError} when the secret can't be used with the scheme. */
export function assertValidSecret(scheme: SignatureScheme, secret: string): void {
  switch (scheme) {
    case 'standard':
      decodeSymmetricSecret(secret);
      return;
    case 'standard-ed25519':
      decodeEd25519Secret(secret);
      return;
    case 'sha256':
      decodePlainSecret(secret);
      return;
  }
}

/**
 * The key bytes of a `whsec_…` secret (Standard Webhooks 1.0.0: 24 to 64 bytes, base64).
 * @throws {InvalidSecretError}
 */
export function decodeSymmetricSecret(secret: string): Buffer {
  const key = decodePrefixed(SYMMETRIC_PREFIX, secret);
  if (key.length < MIN_KEY_BYTES || key.length > MAX_KEY_BYTES) {
    throw new InvalidSecretError(`must hold ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes after ${SYMMETRIC_PREFIX}`);
  }
  return key;
}

/**
 * The private key of a `whsk_…` secret (Standard Webhooks 1.0.0: the 32 byte seed, then the 32 byte public key).
 * @throws {InvalidSecretError} also when the two halves do not belong together, since receivers could then verify nothing.
 */
export function decodeEd25519Secret(secret: string): KeyObject {
  const raw = decodePrefixed(PRIVATE_PREFIX, secret);
  if (raw.length !== ED25519_SECRET_BYTES) {
    throw new InvalidSecretError(`must hold ${ED25519_SECRET_BYTES} bytes after ${PRIVATE_PREFIX}`);
  }
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519_PREFIX, raw.subarray(0, SEED_BYTES)]),
    format: 'der',
    type: 'pkcs8',
  });
  if (!rawPublicKey(createPublicKey(privateKey)).equals(raw.subarray(SEED_BYTES))) {
    throw new InvalidSecretError('its public half does not belong to its seed');
  }
  return privateKey;
}

/**
 * The key bytes of a `sha256` secret: the UTF-8 bytes of the whole text, 16 to 255 printable ASCII characters.
 * @throws {InvalidSecretError}
 */
export function decodePlainSecret(secret: string): Buffer {
  if (!PLAIN_SECRET.test(secret)) {
    throw new InvalidSecretError('must be 16 to 255 printable ASCII characters, without a space at either end');
  }
  return Buffer.from(secret);
}

/**
 * The `whpk_…` that receivers verify with, of a `whsk_…` secret.
 * @throws {InvalidSecretError}
 */
export function publicKeyOf(secret: string): string {
  return PUBLIC_PREFIX + rawPublicKey(createPublicKey(decodeEd25519Secret(secret))).toString('base64');
}

function decodePrefixed(prefix: string, secret: string): Buffer {
  if (!secret.startsWith(prefix)) throw new InvalidSecretError(`must start with ${prefix}`);
  const text = secret.slice(prefix.length);
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is no base64; only the round trip shows that the receiver's decoder will see the same bytes.
  if (bytes.toString('base64') !== text) throw new InvalidSecretError(`must be padded base64 after ${prefix}`);
  return bytes;
}

function rawPublicKey(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-SEED_BYTES);
}

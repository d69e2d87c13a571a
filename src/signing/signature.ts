import { createHmac, createSecretKey, type KeyObject, sign } from 'node:crypto';
import {
  decodeEd25519Secret,
  decodePlainSecret,
  decodeSymmetricSecret,
  InvalidSecretError,
  type SignatureScheme,
} from './webhook-secret.js';

export type { SignatureScheme } from './webhook-secret.js';

/** Old secrets that still sign beside the current one; Standard Webhooks receivers try each signature in turn. */
export const MAX_OLD_SECRETS = 10;

/** A decoded secret, ready to sign: decoding costs as much as an HMAC, so callers keep these. */
export interface SigningKey {
  readonly scheme: SignatureScheme;
  readonly key: KeyObject;
}

/** What is signed, whoever signs it. */
export interface SignedMessage {
  /** The event's id, the same on every attempt. */
  readonly id: string;
  /** Of this attempt, in seconds since 1970. */
  readonly timestampSeconds: number;
  /** The very bytes that are sent. */
  readonly body: Buffer;
}

/** @throws {InvalidSecretError} when the secret does not fit the scheme. */
export function prepareSigningKey(scheme: SignatureScheme, secret: string): SigningKey {
  switch (scheme) {
    case 'standard':
      return { scheme, key: createSecretKey(decodeSymmetricSecret(secret)) };
    case 'standard-ed25519':
      return { scheme, key: decodeEd25519Secret(secret) };
    case 'sha256':
      return { scheme, key: createSecretKey(decodePlainSecret(secret)) };
  }
}

/**
 * The keys of an endpoint, current first, with at most {@link MAX_OLD_SECRETS} old ones. An old secret that does not fit
 * the scheme (the endpoint changed its scheme during the overlap) is left out: no receiver could verify with it.
 * @param secrets the current secret, then the unexpired old ones, newest first.
 * @throws {InvalidSecretError} when the current secret does not fit, or there is none.
 */
export function prepareSigningKeys(scheme: SignatureScheme, secrets: readonly string[]): SigningKey[] {
  const [current, ...old] = secrets;
  if (current === undefined) throw new InvalidSecretError('an endpoint needs a secret');
  const keys = [prepareSigningKey(scheme, current)];
  for (const secret of old.slice(0, MAX_OLD_SECRETS)) {
    try {
      keys.push(prepareSigningKey(scheme, secret));
    } catch (error) {
      if (!(error instanceof InvalidSecretError)) throw error;
    }
  }
  return keys;
}

/**
 * The signature headers of one attempt.
 *
 * - `standard`, `standard-ed25519` (Standard Webhooks 1.0.0): `webhook-id`, `webhook-timestamp` and `webhook-signature`,
 *   in which each key signs `id.timestamp.body`, separated by spaces, the current key first.
 * - `sha256`: `webhook-id`, `webhook-timestamp` and `x-webhook-signature: sha256=<hex>` over the body. Receivers of this
 *   header compare it as a whole, so it carries the current key's signature alone; during a rotation the old keys'
 *   stand in `x-webhook-signature-previous`, separated by commas, for receivers that have not switched yet.
 *
 * @param keys as {@link prepareSigningKeys} answers them: one scheme, current first.
 */
export function signWithKeys(keys: readonly SigningKey[], message: SignedMessage): Record<string, string> {
  const headers: Record<string, string> = {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestampSeconds),
  };
  const signatures = keys.map((signingKey) => signatureOf(signingKey, message));
  if (keys[0]?.scheme !== 'sha256') {
    headers['webhook-signature'] = signatures.join(' ');
    return headers;
  }
  const [current, ...previous] = signatures;
  headers['x-webhook-signature'] = current ?? '';
  if (previous.length > 0) headers['x-webhook-signature-previous'] = previous.join(',');
  return headers;
}

/**
 * {@link signWithKeys} from the secrets' text, for callers that sign once.
 * @throws {InvalidSecretError} when the current secret does not fit the scheme.
 */
export function signatureHeaders(
  request: { readonly scheme: SignatureScheme; readonly secrets: readonly string[] } & SignedMessage,
): Record<string, string> {
  return signWithKeys(prepareSigningKeys(request.scheme, request.secrets), request);
}

function signatureOf({ scheme, key }: SigningKey, { id, timestampSeconds, body }: SignedMessage): string {
  const prefix = `${id}.${timestampSeconds}.`;
  switch (scheme) {
    case 'standard':
      return `v1,${createHmac('sha256', key).update(prefix).update(body).digest('base64')}`;
    case 'standard-ed25519':
      return `v1a,${sign(null, Buffer.concat([Buffer.from(prefix), body]), key).toString('base64')}`;
    case 'sha256':
      return `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  }
}

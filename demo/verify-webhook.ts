import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

// How a receiver verifies a delivery, with nothing but node:crypto. Copy it into your own application.

const TOLERANCE_SECONDS = 5 * 60;

/** The DER wrapping of a raw Ed25519 public key (RFC 8410, section 4). */
const SPKI_ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

export type Verdict = { readonly valid: true } | { readonly valid: false; readonly reason: string };

/**
 * Whether one of your secrets signed this delivery. Handles all three schemes:
 * `standard` and `standard-ed25519` (Standard Webhooks: `webhook-signature: v1,… v1a,…` over `id.timestamp.body`) and
 * `sha256` (`x-webhook-signature: sha256=…` over the body).
 *
 * @param body the bytes as they arrived. Parsing and serialising them again changes them, and the signature with them.
 * @param secrets `whsec_…`, `whpk_…` (the public key of a `standard-ed25519` endpoint), or the text of a `sha256` secret.
 *   More than one while you rotate them.
 */
export function verifyWebhook(
  headers: IncomingHttpHeaders,
  body: Buffer,
  secrets: readonly string[],
  nowSeconds = Math.floor(Date.now() / 1000),
): Verdict {
  if (typeof headers['x-webhook-signature'] === 'string') return verifySha256(headers, body, secrets);
  return verifyStandard(headers, body, secrets, nowSeconds);
}

function verifyStandard(
  headers: IncomingHttpHeaders,
  body: Buffer,
  secrets: readonly string[],
  nowSeconds: number,
): Verdict {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') {
    return { valid: false, reason: 'a webhook-* header is missing' };
  }
  // Without this check whoever recorded a delivery once could send it again for ever.
  if (!/^\d+$/.test(timestamp) || Math.abs(nowSeconds - Number(timestamp)) > TOLERANCE_SECONDS) {
    return { valid: false, reason: 'the timestamp is more than five minutes off' };
  }
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  // During a rotation there is one signature for each secret: one that fits is enough.
  for (const entry of signatures.split(' ')) {
    const [version, signature = ''] = entry.split(',');
    const given = Buffer.from(signature, 'base64');
    for (const secret of secrets) {
      if (version === 'v1' && secret.startsWith('whsec_')) {
        const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
        if (equal(given, createHmac('sha256', key).update(signed).digest())) return { valid: true };
      }
      if (version === 'v1a' && secret.startsWith('whpk_') && verifyEd25519(secret, signed, given))
        return { valid: true };
    }
  }
  return { valid: false, reason: 'no signature matches' };
}

function verifySha256(headers: IncomingHttpHeaders, body: Buffer, secrets: readonly string[]): Verdict {
  const current = String(headers['x-webhook-signature']);
  // Signatures of the secrets that were just rotated out: a receiver that still has the old one takes these.
  const previous = String(headers['x-webhook-signature-previous'] ?? '').split(',');
  for (const secret of secrets) {
    const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
    if ([current, ...previous].some((given) => equal(Buffer.from(given), expected))) return { valid: true };
  }
  return { valid: false, reason: 'no signature matches' };
}

function verifyEd25519(publicKey: string, signed: Buffer, signature: Buffer): boolean {
  const raw = Buffer.from(publicKey.slice('whpk_'.length), 'base64');
  if (raw.length !== 32) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519_PREFIX, raw]), format: 'der', type: 'spki' });
  return verify(null, signed, key, signature);
}

/** In constant time: a plain comparison tells an attacker how many bytes were right. */
function equal(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

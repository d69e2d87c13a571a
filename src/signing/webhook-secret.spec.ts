import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  assertValidSecret,
  decodeSymmetricSecret,
  generateSecret,
  InvalidSecretError,
  publicKeyOf,
} from './webhook-secret.js';

const KNOWN_PRIVATE = 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==';
const whsec = (bytes: number): string => `whsec_${randomBytes(bytes).toString('base64')}`;

describe('webhook secrets', () => {
  it.each(['standard', 'standard-ed25519', 'sha256'] as const)(
    'generates %s secrets that pass their own check and differ each time',
    (scheme) => {
      const first = generateSecret(scheme);
      expect(() => assertValidSecret(scheme, first)).not.toThrow();
      expect(generateSecret(scheme)).not.toBe(first);
    },
  );

  it.each([24, 25, 26, 32, 63, 64])('accepts a whsec_ secret of %i bytes', (bytes) => {
    expect(decodeSymmetricSecret(whsec(bytes))).toHaveLength(bytes);
  });

  it.each([
    ['23 bytes', whsec(23)],
    ['65 bytes', whsec(65)],
    ['nothing after the prefix', 'whsec_'],
    ['no prefix', randomBytes(32).toString('base64')],
    ['an upper-case prefix', whsec(32).replace('whsec_', 'WHSEC_')],
    ['base64url letters', `whsec_${'-_'.repeat(16)}`],
    ['missing padding', whsec(32).replace(/=+$/, '')],
    ['a trailing space', `${whsec(32)} `],
    ['an inner line feed', `${whsec(24).slice(0, 20)}\n${whsec(24).slice(20)}`],
    ['stray bits in the last character', `whsec_${'A'.repeat(42)}B=`],
    ['a private key instead', KNOWN_PRIVATE],
  ])('refuses a standard secret with %s', (_what, secret) => {
    expect(() => assertValidSecret('standard', secret)).toThrow(InvalidSecretError);
  });

  it('accepts the private key of the specification and answers its public key', () => {
    expect(() => assertValidSecret('standard-ed25519', KNOWN_PRIVATE)).not.toThrow();
    expect(publicKeyOf(KNOWN_PRIVATE)).toBe('whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=');
  });

  it('refuses an ed25519 secret whose halves do not belong together', () => {
    const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const seed = Buffer.from(KNOWN_PRIVATE.slice(5), 'base64').subarray(0, 32);
    const mixed = `whsk_${Buffer.concat([seed, other]).toString('base64')}`;
    expect(() => assertValidSecret('standard-ed25519', mixed)).toThrow('public half');
  });

  it.each([
    ['the seed alone', `whsk_${randomBytes(32).toString('base64')}`],
    ['65 bytes', `whsk_${randomBytes(65).toString('base64')}`],
    ['a symmetric secret', whsec(64)],
  ])('refuses an ed25519 secret that is %s', (_what, secret) => {
    expect(() => assertValidSecret('standard-ed25519', secret)).toThrow(InvalidSecretError);
  });

  it.each([
    ['16 characters', 'a'.repeat(16)],
    ['255 characters', 'z'.repeat(255)],
    ['inner spaces and signs', 'correct horse battery staple: ~!"#'],
    ['a whsec_ text', whsec(32)],
  ])('accepts a sha256 secret of %s', (_what, secret) => {
    expect(() => assertValidSecret('sha256', secret)).not.toThrow();
  });

  it.each([
    ['15 characters', 'a'.repeat(15)],
    ['256 characters', 'a'.repeat(256)],
    ['a control character', `${'a'.repeat(16)}\u0000${'a'.repeat(4)}`],
    ['a line feed at the end', `${'a'.repeat(16)}\n`],
    ['a space at the end', `${'a'.repeat(16)} `],
    ['letters outside ASCII', 'pässwörd-pässwörd'],
  ])('refuses a sha256 secret of %s', (_what, secret) => {
    expect(() => assertValidSecret('sha256', secret)).toThrow(InvalidSecretError);
  });

  it('never repeats the secret in the reason', () => {
    const secret = 'whsec_dG9vIHNob3J0';
    expect.assertions(1);
    try {
      assertValidSecret('standard', secret);
    } catch (error) {
      expect(String(error)).not.toContain('dG9v');
    }
  });
});

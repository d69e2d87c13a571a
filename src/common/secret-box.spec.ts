import fc from 'fast-check';
import { randomBytes } from 'node:crypto';

import { SecretBox, SecretBoxError, validateEncryptionKey } from './secret-box.js';

const keyA = randomBytes(32).toString('base64');
const keyB = randomBytes(32).toString('base64');
const context = 'endpoint:01890a5d:secret';

function reasonOf(open: () => string): string {
  try {
    return `opened: ${open()}`;
  } catch (error) {
    if (error instanceof SecretBoxError) return error.reason;
    throw error;
  }
}

describe('a secret box', () => {
  const box = new SecretBox(keyA);

  it('opens what it sealed, in its form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, where) => {
        const sealed = box.seal(plain, where);
        expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
        expect(box.open(sealed, where)).toBe(plain);
      }),
    );
  });

  it('never seals the same way twice', () => {
    expect(box.seal('whsec_x', context)).not.toBe(box.seal('whsec_x', context));
  });

  it('opens in another process with the same key', () => {
    expect(new SecretBox(keyA).open(box.seal('whsec_x', context), context)).toBe('whsec_x');
  });

  it('does not open a text that was moved elsewhere', () => {
    const sealed = box.seal('whsec_x', context);
    expect(reasonOf(() => box.open(sealed, 'endpoint:other:secret'))).toBe('tampered');
  });

  it('does not open a text in which any one character was changed', () => {
    const sealed = box.seal('whsec_secret', context);
    for (let index = 0; index < sealed.length; index++) {
      for (const wrong of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.') {
        if (sealed.charAt(index) === wrong) continue;
        const changed = sealed.slice(0, index) + wrong + sealed.slice(index + 1);
        expect(reasonOf(() => box.open(changed, context))).toMatch(/^(not_sealed|unknown_key|tampered)$/);
      }
    }
  });

  it.each(['', 'whsec_x', 'v1', 'v1..', 'v2.00000000.AAAA', 'v1.00000000.AAAA', 'v1.00000000.$$$$'])(
    'does not take %j for a sealed text',
    (text) => {
      expect(reasonOf(() => box.open(text, context))).toBe('not_sealed');
    },
  );

  it('names the key that is missing, and never the content', () => {
    const other = new SecretBox(keyB);
    const sealed = other.seal('whsec_very_secret', context);
    expect(() => box.open(sealed, context)).toThrow(new RegExp(`${other.keyId}.*${box.keyId}`));
    expect(() => box.open(sealed, context)).not.toThrow(/whsec|very|secret:/);
    expect(reasonOf(() => box.open(sealed, context))).toBe('unknown_key');
  });

  it('opens texts of a retired key and seals with the present one', () => {
    const sealed = box.seal('whsec_x', context);
    const renewed = new SecretBox(keyB, [keyA]);
    expect(renewed.open(sealed, context)).toBe('whsec_x');
    const resealed = renewed.seal('whsec_x', context);
    expect(resealed.split('.')[1]).toBe(new SecretBox(keyB).keyId);
    expect(new SecretBox(keyB).open(resealed, context)).toBe('whsec_x');
  });

  it('is not made with a bad key', () => {
    expect(() => new SecretBox('short')).toThrow(TypeError);
    expect(() => new SecretBox(keyA, ['short'])).toThrow(TypeError);
  });
});

describe('an encryption key', () => {
  it('is 32 bytes in base64', () => {
    expect(validateEncryptionKey(keyA)).toBeNull();
  });

  it.each([
    '',
    'secret',
    randomBytes(16).toString('base64'),
    randomBytes(33).toString('base64'),
    randomBytes(32).toString('hex'),
    keyA.slice(0, -1),
    `${keyA}\n`,
    ` ${keyA}`,
    Buffer.alloc(32, 0xff).toString('base64url'),
  ])('is refused with a reason (case %#)', (key) => {
    expect(validateEncryptionKey(key)).toMatch(/32 bytes/);
    if (key.length > 5) expect(validateEncryptionKey(key)).not.toContain(key);
  });
});

import fc from 'fast-check';
import { createHash } from 'node:crypto';

import { generateApiKey, hashApiKey, isApiKey } from './api-key-format.js';

const characters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_ .é';

describe('an API key', () => {
  it('has its documented shape and is known by its SHA-256', () => {
    const { key, prefix, hash } = generateApiKey();
    expect(key).toMatch(/^ph_[0-9A-Za-z]{49}$/);
    expect(prefix).toBe(key.slice(0, 11));
    expect(hash).toEqual(createHash('sha256').update(key).digest());
    expect(hashApiKey(key)).toEqual(hash);
    expect(isApiKey(key)).toBe(true);
  });

  it('is never made twice, and always has the same length', () => {
    const keys = Array.from({ length: 2_000 }, () => generateApiKey().key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(keys.map((key) => key.length))).toEqual(new Set([52]));
  });

  it('has a checksum that other tools can compute', () => {
    // CRC32 of the 46 characters (0x52d8dcca, as Python's zlib.crc32 has it) in base 62.
    expect(isApiKey(`ph_${'0'.repeat(43)}1W43vm`)).toBe(true);
  });

  it('is refused with any single character mistyped, left out, doubled or swapped with its neighbour', () => {
    fc.assert(
      fc.property(fc.nat(51), fc.constantFrom(...characters), (index, wrong) => {
        const { key } = generateApiKey();
        const [before, right, after] = [key.slice(0, index), key.charAt(index), key.slice(index + 1)];
        if (wrong !== right) expect(isApiKey(before + wrong + after)).toBe(false);
        expect(isApiKey(before + after)).toBe(false);
        expect(isApiKey(before + right + right + after)).toBe(false);
        const swapped = before + after.charAt(0) + right + after.slice(1);
        if (index < 51 && swapped !== key) expect(isApiKey(swapped)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    '',
    'ph_',
    'ph_x',
    'sk_live_x',
    `ph_${'0'.repeat(49)}`,
    `${generateApiKey().key}\n`,
    ` ${generateApiKey().key}`,
  ])('is not %j', (text) => {
    expect(isApiKey(text)).toBe(false);
  });
});

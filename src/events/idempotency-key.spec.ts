import { isValidKey, readIdempotencyKey } from './idempotency-key.js';

describe('an idempotency key', () => {
  it.each(['a', ' ', 'order 17', 'Ā', 'ключ', '日本', '👩‍💻', '~', 'x'.repeat(255), '😀'.repeat(255)])(
    'may be %j',
    (key) => {
      expect(isValidKey(key)).toBe(true);
    },
  );

  it.each(['', 'x'.repeat(256), '😀'.repeat(256), 'a\tb', '\u0000', '\u001f', '\u007f', '\u009f', '\u2029', '\udc00'])(
    'may not be %j',
    (key) => {
      expect(isValidKey(key)).toBe(false);
    },
  );

  it('is read from a header as UTF-8, as Node hands it over', () => {
    const asNodeReads = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
    for (const key of ['order-17', 'Ā', 'ключ', '😀']) expect(readIdempotencyKey(asNodeReads(key))).toBe(key);
  });

  it('is refused in a header that is empty, no UTF-8, too long or not printable', () => {
    for (const header of ['', '\xe9', '\xff', 'x'.repeat(256), 'a\tb']) expect(readIdempotencyKey(header)).toBeNull();
  });
});

import { storableHeaderValue, storableText } from './response-text.js';

describe('storable response text', () => {
  it('keeps valid UTF-8 as it is', () => {
    const text = 'grüße, 你好, 👋, \u{FEFF}\r\n\t';
    expect(storableText(Buffer.from(text))).toBe(text);
  });

  it('replaces NUL and bytes that are no UTF-8', () => {
    expect(storableText(Buffer.from('a\0b\0'))).toBe('a\uFFFDb\uFFFD');
    expect(storableText(Buffer.from([0x61, 0xff, 0x62, 0xc3, 0x28]))).toBe('a\uFFFDb\uFFFD(');
    expect(storableText(Buffer.from([0xed, 0xa0, 0x80]))).not.toMatch(/[\uD800-\uDFFF]/);
  });

  it.each(['ü', '你', '👋'])('drops %s when the limit cut it in two, at any of its bytes', (character) => {
    const whole = Buffer.from(`ab${character}`);
    for (let end = 3; end < whole.length; end += 1) {
      expect(storableText(whole.subarray(0, end), true)).toBe('ab');
    }
    expect(storableText(whole, true)).toBe(`ab${character}`);
  });

  it('shows a cut character at the end of a body that was not cut by us', () => {
    expect(storableText(Buffer.from('ab👋').subarray(0, 4))).toBe('ab\uFFFD');
  });

  it('takes stray continuation bytes at the cut for what they are', () => {
    expect(storableText(Buffer.from([0x61, 0x80, 0x80, 0x80, 0x80]), true)).toBe('a\uFFFD\uFFFD\uFFFD\uFFFD');
    expect(storableText(Buffer.alloc(0), true)).toBe('');
  });

  it('reads header values as UTF-8 where they are, and replaces the rest', () => {
    expect(storableHeaderValue('plain; q=1')).toBe('plain; q=1');
    expect(storableHeaderValue(Buffer.from('naïve').toString('latin1'))).toBe('naïve');
    expect(storableHeaderValue('na\u00efve\0')).toBe('na\uFFFDve\uFFFD');
  });
});

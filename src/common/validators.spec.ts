import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { AsSent, IfPresent, IsPrintable, isTimestamp, IsWholeNumber } from './validators.js';

class Note {
  @IsPrintable({ max: 5 }) title: unknown;
  @IfPresent() @IsPrintable({ min: 0, max: 20, lines: true }) text?: unknown;
  @AsSent() extra?: unknown;
  @IfPresent() @IsWholeNumber(1, 5) count?: unknown;
}

const refusedFields = (note: object): string[] =>
  validateSync(plainToInstance(Note, { title: 'ok', ...note })).map((error) => error.property);

describe('IsPrintable', () => {
  it.each(['a', 'abcde', '日本語', '😀😀😀😀😀', ' a '])('takes %j', (title) => {
    expect(refusedFields({ title })).toEqual([]);
  });

  it.each(['', '   ', 'abcdef', 'a\u0000', 'a\nb', '\ud800', 'a\udc00', 'a\u0085', 5, null, ['a']])(
    'refuses %j',
    (title) => {
      expect(refusedFields({ title })).toEqual(['title']);
    },
  );

  it('takes line breaks only where lines are asked for, and NUL nowhere', () => {
    expect(refusedFields({ text: 'a\r\n\tb' })).toEqual([]);
    expect(refusedFields({ text: '' })).toEqual([]);
    expect(refusedFields({ text: 'a\u0000b' })).toEqual(['text']);
    expect(refusedFields({ text: 'a\ud800b' })).toEqual(['text']);
  });
});

describe('IsWholeNumber', () => {
  it('takes its bounds', () => {
    expect([refusedFields({ count: 1 }), refusedFields({ count: 5 })]).toEqual([[], []]);
  });

  it.each([0, 6, 1.5, '3', NaN, Infinity, null, true, [3]])('refuses %j', (count) => {
    expect(refusedFields({ count })).toEqual(['count']);
  });
});

describe('IfPresent', () => {
  it('lets a field be absent, but not null', () => {
    expect(refusedFields({})).toEqual([]);
    expect(refusedFields({ text: null })).toEqual(['text']);
  });
});

describe('AsSent', () => {
  it('keeps the very value', () => {
    const extra = { deep: [{ a: 1 }] };
    expect(plainToInstance(Note, { title: 'ok', extra }).extra).toBe(extra);
  });
});

describe('isTimestamp', () => {
  it.each(['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.123Z', '2026-01-31T12:00:00+02:00', '2024-02-29T00:00Z'])(
    'takes %j',
    (text) => {
      expect(isTimestamp(text)).toBe(true);
    },
  );

  it.each([
    '2026-01-31',
    '2026-01-31T12:00:00',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '1',
    'now',
    '',
    1,
    null,
  ])('refuses %j', (text) => {
    expect(isTimestamp(text)).toBe(false);
  });
});

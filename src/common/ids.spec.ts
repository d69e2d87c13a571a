import fc from 'fast-check';
import { idBoundary, isUuid, newId, newIdAfter, timestampOf } from './ids.js';

const MAX_TIME = 2 ** 48 - 1;

describe('a new id', () => {
  it('is a UUIDv7 of this moment', () => {
    const before = Date.now();
    const id = newId();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timestampOf(id)).toBeGreaterThanOrEqual(before);
    // Many ids in one millisecond borrow from the next.
    expect(timestampOf(id)).toBeLessThanOrEqual(Date.now() + 5);
  });

  it('sorts after all that this process made before, within a millisecond too', () => {
    const ids = Array.from({ length: 20_000 }, newId);
    expect(ids.every((id, index) => index === 0 || id > (ids[index - 1] as string))).toBe(true);
  });

  it('sorts after the last one although the clock was set back', () => {
    const last = newId();
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000);
    try {
      expect(newId() > last).toBe(true);
    } finally {
      clock.mockRestore();
    }
  });
});

describe("a child's id", () => {
  it('sorts after its parent, whose process may have a clock that is ahead', () => {
    const hourAhead = idBoundary(Date.now() + 3_600_000).slice(0, 14) + newId().slice(14);
    for (const parent of [newId(), hourAhead]) {
      const child = newIdAfter(parent);
      expect(child > parent).toBe(true);
      expect(isUuid(child)).toBe(true);
    }
  });

  it('is of its own time where the clocks agree', () => {
    const parent = idBoundary(Date.now() - 60_000);
    expect(timestampOf(newIdAfter(parent)) - timestampOf(parent)).toBeGreaterThanOrEqual(60_000);
  });
});

describe('the boundary of a time', () => {
  it('sorts before every id of that millisecond and after every one before it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_TIME }), fc.uuid({ version: 7 }), (time, random) => {
        const at = (ms: number): string => idBoundary(ms).slice(0, 14) + random.slice(14);
        expect(idBoundary(time) <= at(time)).toBe(true);
        expect(at(time - 1) < idBoundary(time)).toBe(true);
        expect(timestampOf(at(time))).toBe(time);
      }),
    );
  });

  it('is that of the whole millisecond, and of 1970 for times before', () => {
    expect(idBoundary(0x0123456789ab + 0.9)).toBe('01234567-89ab-0000-0000-000000000000');
    expect(idBoundary(-5)).toBe('00000000-0000-0000-0000-000000000000');
  });
});

describe('isUuid', () => {
  it.each(['019aa8f1-6c00-7000-8000-000000000000', '019AA8F1-6C00-7000-8000-00000000000F'])('takes %s', (text) => {
    expect(isUuid(text)).toBe(true);
  });
  it.each([
    '',
    'x',
    '019aa8f16c0070008000000000000000',
    '019aa8f1-6c00-7000-8000-00000000000',
    '019aa8f1-6c00-7000-8000-000000000000\n',
    '{019aa8f1-6c00-7000-8000-000000000000}',
    '019aa8f1-6c00-7000-8000-00000000000g',
  ])('refuses %j', (text) => {
    expect(isUuid(text)).toBe(false);
  });
});

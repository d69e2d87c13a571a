import { DomainError } from '../common/domain-error.js';
import { idBoundary } from '../common/ids.js';
import { idBoundsOf, retentionFloorMs } from './replay-range.js';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const DAY_MS = 24 * 3_600_000;
const bounds = (since: string | undefined, until?: string, floorMs = 0) =>
  idBoundsOf({ from: ['since', since], through: ['until', until] }, NOW, floorMs);
const id = (time: string): string => idBoundary(Date.parse(time));

describe('the range of a replay', () => {
  it('becomes bounds of ids, open at an end that was left out', () => {
    expect(bounds('2026-03-09T00:00:00Z')).toEqual({ fromId: id('2026-03-09T00:00:00Z'), throughId: null });
    expect(bounds(undefined, '2026-03-09T00:00:00Z')).toEqual({
      fromId: idBoundary(0),
      throughId: id('2026-03-09T00:00:00Z'),
    });
  });

  it('begins no earlier than what is still kept', () => {
    const floorMs = NOW - DAY_MS;
    expect(bounds('2020-01-01T00:00:00Z', undefined, floorMs).fromId).toBe(idBoundary(floorMs));
    expect(bounds('2026-03-10T11:00:00Z', undefined, floorMs).fromId).toBe(id('2026-03-10T11:00:00Z'));
  });

  it('must not be empty or backwards, nor begin in the future', () => {
    const refusedField = (work: () => unknown): string | undefined => {
      try {
        work();
      } catch (error) {
        return error instanceof DomainError ? error.extras.errors?.[0]?.field : undefined;
      }
      return undefined;
    };
    expect(refusedField(() => bounds('2026-03-09T00:00:00Z', '2026-03-09T00:00:00Z'))).toBe('since');
    expect(refusedField(() => bounds('2026-03-09T01:00:00Z', '2026-03-09T00:00:00Z'))).toBe('since');
    expect(refusedField(() => bounds('2026-03-10T12:00:00.001Z'))).toBe('since');
  });

  it('stays within what an id can hold, however far ahead it reaches', () => {
    expect(bounds('2026-03-09T00:00:00Z', '+200000-01-01T00:00:00Z').throughId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-/);
  });
});

describe('how far back everything is sure to be kept', () => {
  it('is the shorter of the retention of the installation and of the tenant', () => {
    expect(retentionFloorMs(NOW, 30, null)).toBe(NOW - 30 * DAY_MS);
    expect(retentionFloorMs(NOW, 30, 7)).toBe(NOW - 7 * DAY_MS);
    expect(retentionFloorMs(NOW, 30, 90)).toBe(NOW - 30 * DAY_MS);
  });
});

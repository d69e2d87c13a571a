import fc from 'fast-check';
import { fillGaps, spanOf, STATS_WINDOWS, type StatsWindow } from './stats-window.js';

const iso = (ms: number): string => new Date(ms).toISOString();
const NOW_MS = Date.parse('2026-03-29T02:37:41.250Z');

describe('spanOf', () => {
  it.each<[StatsWindow, string, string]>([
    ['1h', '2026-03-29T01:38:00.000Z', '2026-03-29T02:37:00.000Z'],
    ['24h', '2026-03-28T02:45:00.000Z', '2026-03-29T02:30:00.000Z'],
    ['7d', '2026-03-22T04:00:00.000Z', '2026-03-29T02:00:00.000Z'],
  ])('of %s ends with the step that now falls into', (window, first, last) => {
    const { sinceMs, stepMs, steps } = spanOf(window, NOW_MS);
    expect(iso(sinceMs)).toBe(first);
    expect(iso(sinceMs + (steps - 1) * stepMs)).toBe(last);
  });

  it('has at most 96 steps, at round times, and now in the last of them', () => {
    fc.assert(
      fc.property(fc.constantFrom(...STATS_WINDOWS), fc.integer({ min: 0, max: 4e12 }), (window, nowMs) => {
        const { sinceMs, stepMs, steps } = spanOf(window, nowMs);
        expect(steps).toBeLessThanOrEqual(96);
        expect(Math.abs(sinceMs % stepMs)).toBe(0);
        const lastMs = sinceMs + (steps - 1) * stepMs;
        expect(nowMs).toBeGreaterThanOrEqual(lastMs);
        expect(nowMs).toBeLessThan(lastMs + stepMs);
      }),
    );
  });
});

describe('fillGaps', () => {
  it('gives every step of the window, known or not, and nothing from outside', () => {
    const span = spanOf('1h', NOW_MS);
    const known = new Map([
      [span.sinceMs - 60_000, 1],
      [span.sinceMs, 2],
      [span.sinceMs + 59 * 60_000, 3],
    ]);
    const series = fillGaps(span, known, 0);
    expect(series.map(({ value }) => value)).toEqual([2, ...new Array<number>(58).fill(0), 3]);
    expect(series.map(({ atMs }) => atMs)).toEqual(
      Array.from({ length: 60 }, (_value, index) => span.sinceMs + index * 60_000),
    );
  });
});

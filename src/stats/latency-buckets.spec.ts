import fc from 'fast-check';
import { bucketOf, LATENCY_BOUNDS_MS, LATENCY_BUCKETS, noLatencies, percentile } from './latency-buckets.js';

const countsOf = (durationsMs: readonly number[]): number[] => {
  const counts = noLatencies();
  for (const durationMs of durationsMs) counts[bucketOf(durationMs)]! += 1;
  return counts;
};

/** By the definition: the least duration that a share `q` of all is not above. */
const trueNearestRank = (durationsMs: readonly number[], q: number): number =>
  [...durationsMs].sort((a, b) => a - b)[Math.ceil(q * durationsMs.length) - 1] as number;

/** As attempts take: most of them short, up to beyond the longest timeout. */
const durations = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 40_000 })),
  { minLength: 1, maxLength: 300 },
);
const shares = fc.constantFrom(0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1);

describe('latency buckets', () => {
  it('have bounds that rise, by at most 28 percent from 8 ms on', () => {
    for (const [index, bound] of LATENCY_BOUNDS_MS.entries()) {
      if (index === 0) continue;
      const before = LATENCY_BOUNDS_MS[index - 1] as number;
      expect(bound).toBeGreaterThan(before);
      if (before >= 8) expect(bound / before).toBeLessThanOrEqual(1.281);
    }
  });

  it('take a duration at a bound into the bucket below it, and whatever is longer than all into the last', () => {
    expect(bucketOf(0)).toBe(0);
    for (const [index, bound] of LATENCY_BOUNDS_MS.entries()) {
      expect(bucketOf(bound)).toBe(index);
      expect(bucketOf(bound + 0.01)).toBe(index + 1);
    }
    expect(bucketOf(1e9)).toBe(LATENCY_BUCKETS - 1);
  });
});

describe('percentile', () => {
  it('is null without attempts', () => {
    expect(percentile(noLatencies(), 0.5)).toBeNull();
    expect(percentile([], 0.99)).toBeNull();
  });

  it('lies in the same bucket as the true one', () => {
    fc.assert(
      fc.property(durations, shares, (durationsMs, q) => {
        const truth = trueNearestRank(durationsMs, q);
        const estimate = percentile(countsOf(durationsMs), q) as number;
        const bucket = bucketOf(truth);
        const low = LATENCY_BOUNDS_MS[bucket - 1] ?? 0;
        const high = LATENCY_BOUNDS_MS[bucket] ?? low;
        // A hair's breadth for the division's rounding.
        expect(estimate).toBeGreaterThanOrEqual(low - 1e-6);
        expect(estimate).toBeLessThanOrEqual(high + 1e-6);
      }),
    );
  });

  it('never falls as the share rises', () => {
    fc.assert(
      fc.property(durations, (durationsMs) => {
        const counts = countsOf(durationsMs);
        const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => percentile(counts, q) as number) as [
          number,
          number,
          number,
        ];
        expect(p50).toBeLessThanOrEqual(p95);
        expect(p95).toBeLessThanOrEqual(p99);
      }),
    );
  });

  it('is the same from sums of counts as from all attempts together', () => {
    fc.assert(
      fc.property(durations, durations, shares, (first, second, q) => {
        const sums = countsOf(first).map((count, index) => count + (countsOf(second)[index] as number));
        expect(percentile(sums, q)).toBe(percentile(countsOf([...first, ...second]), q));
      }),
    );
  });

  it('of attempts that are spread evenly is close to the true one', () => {
    const counts = countsOf(Array.from({ length: 10_000 }, (_value, index) => index / 10));
    expect(percentile(counts, 0.5)).toBeCloseTo(500, -1);
    expect(percentile(counts, 0.95)).toBeCloseTo(950, -1);
  });

  it('takes buckets that are missing at the end as empty', () => {
    expect(percentile([0, 4], 0.5)).toBe(1.5);
  });
});

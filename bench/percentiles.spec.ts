import { percentilesOf } from './percentiles.js';

describe('percentiles', () => {
  it('are the nearest rank, whatever order the values come in', () => {
    const values = Float64Array.from({ length: 1_000 }, (_value, n) => ((n * 7) % 1_000) + 1);
    expect(percentilesOf(values)).toEqual({ count: 1_000, p50: 500, p95: 950, p99: 990, max: 1_000 });
  });

  it('of one value are that value, and of none there are none', () => {
    expect(percentilesOf(Float64Array.of(3.14159))).toEqual({ count: 1, p50: 3.14, p95: 3.14, p99: 3.14, max: 3.14 });
    expect(percentilesOf(new Float64Array())).toBeNull();
  });
});

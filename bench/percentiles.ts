/** Of a set of times, in milliseconds. */
export interface Percentiles {
  count: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** By the nearest rank (the least value that at least so many percent don't exceed); null where there is no value. */
export function percentilesOf(values: Float64Array): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted();
  const at = (percent: number): number => {
    const rank = Math.ceil((percent / 100) * sorted.length);
    return round(sorted[Math.max(rank, 1) - 1] ?? 0);
  };
  return { count: sorted.length, p50: at(50), p95: at(95), p99: at(99), max: at(100) };
}

const round = (value: number): number => Math.round(value * 100) / 100;

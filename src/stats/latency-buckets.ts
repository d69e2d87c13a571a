/**
 * Upper bounds, in ms, of the buckets that attempts are counted in by how long they took; the last bucket, for what took
 * longer than any attempt may, has none. Whole milliseconds at first, then ten steps a decade (the R'10 series of ISO 3), so
 * that from 10 ms on a bucket is at most 28 percent wide, the most that a percentile can be off.
 *
 * Stored counts are arrays in this order, so a change of the bounds would change what they say.
 */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  ...[1, 2, 3, 4, 5, 6, 8],
  ...[10, 12.5, 16, 20, 25, 32, 40, 50, 63, 80],
  ...[100, 125, 160, 200, 250, 320, 400, 500, 630, 800],
  ...[1_000, 1_250, 1_600, 2_000, 2_500, 3_200, 4_000, 5_000, 6_300, 8_000],
  ...[10_000, 12_500, 16_000, 20_000, 25_000, 30_000],
];

export const LATENCY_BUCKETS = LATENCY_BOUNDS_MS.length + 1;

export const noLatencies = (): number[] => new Array<number>(LATENCY_BUCKETS).fill(0);

/** The bucket of an attempt; its bounds are above the one before it and up to its own. */
export function bucketOf(durationMs: number): number {
  let low = 0;
  let high = LATENCY_BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (durationMs <= (LATENCY_BOUNDS_MS[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The duration, in ms, that a share `q` of the attempts kept within: the nearest rank, interpolated within its bucket. It
 * lies in the same bucket as the true one; of those beyond the last bound it is that bound.
 * @param counts attempts by bucket; buckets missing at the end count as empty
 * @param q above 0, up to 1
 * @returns null without any attempts
 */
export function percentile(counts: readonly number[], q: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = q * total;
  let before = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && before + count >= rank) {
      const low = LATENCY_BOUNDS_MS[bucket - 1] ?? 0;
      const high = LATENCY_BOUNDS_MS[bucket] ?? low;
      return low + ((high - low) * (rank - before)) / count;
    }
    before += count;
  }
  // q above 1, or q * total rounded up past the total.
  return LATENCY_BOUNDS_MS.at(-1) as number;
}

/**
 * SQL of the sums by bucket over the rows of an aggregate; buckets of none are 0. Element by element: to unnest the arrays of a week,
 * half a million rows, takes ten times as long.
 * @param column the array, by its qualified name
 */
export const sumsByBucket = (column: string): string =>
  `ARRAY[${Array.from({ length: LATENCY_BUCKETS }, (_bucket, n) => `coalesce(sum(${column}[${n + 1}]), 0)::int`).join(', ')}]`;

/** Counts of several spans of time as those of all of them. */
export function addCounts(spans: readonly (readonly number[])[]): number[] {
  const sums = noLatencies();
  for (const counts of spans)
    for (const [bucket, count] of counts.entries()) sums[bucket] = (sums[bucket] ?? 0) + count;
  return sums;
}

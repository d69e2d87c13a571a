/** Looking takes no more than one part in so many of the time, but for what says otherwise. */
const SHARE = 20;

/**
 * After how many ms to look again at what changes all the time: the sooner, the less a look costs.
 * @param tookMs how long the last look took
 */
export function lookAgainAfter(
  tookMs: number,
  { leastMs = 0, mostMs, share = SHARE }: { leastMs?: number; mostMs: number; share?: number },
): number {
  return Math.min(mostMs, Math.max(leastMs, share * tookMs));
}

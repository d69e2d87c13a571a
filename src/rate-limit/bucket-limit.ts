/** A token bucket's shape: it holds `burst` tokens when full and gains `ratePerSecond` of them, evenly. */
export interface BucketLimit {
  /** Above 0; may be a fraction (a limit of 30 a minute is 0.5). */
  readonly ratePerSecond: number;
  /** At least 1. */
  readonly burst: number;
}

/** @throws RangeError when no bucket can have this limit */
export function assertLimit({ ratePerSecond, burst }: BucketLimit): void {
  if (!(ratePerSecond > 0 && Number.isFinite(ratePerSecond) && burst >= 1 && Number.isFinite(burst))) {
    throw new RangeError(`no token bucket: ${ratePerSecond} tokens a second, burst ${burst}`);
  }
}

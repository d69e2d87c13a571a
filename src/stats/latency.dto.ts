import { ApiProperty } from '@nestjs/swagger';
import { percentile } from './latency-buckets.js';

/** How long attempts took, in ms; null when there were none. */
export class LatencyDto {
  @ApiProperty({ type: 'integer', nullable: true, example: 42 }) p50: number | null;
  @ApiProperty({ type: 'integer', nullable: true, example: 180 }) p95: number | null;
  @ApiProperty({ type: 'integer', nullable: true, example: 640 }) p99: number | null;
}

export function presentLatency(counts: readonly number[]): LatencyDto {
  const wholeMs = (q: number): number | null => {
    const durationMs = percentile(counts, q);
    return durationMs === null ? null : Math.round(durationMs);
  };
  return { p50: wholeMs(0.5), p95: wholeMs(0.95), p99: wholeMs(0.99) };
}

/** A share from 0 to 1; null without any attempts. */
export function successRate(succeeded: number, failed: number): number | null {
  return succeeded + failed === 0 ? null : succeeded / (succeeded + failed);
}

import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { IfPresent } from '../common/validators.js';
import { MAX_PENDING_COUNT } from './count-pending.query.js';
import { LatencyDto } from './latency.dto.js';
import { STATS_WINDOWS, type StatsWindow } from './stats-window.js';

export class StatsQueryDto {
  @ApiPropertyOptional({ enum: STATS_WINDOWS, default: '24h' })
  @IfPresent()
  @IsIn(STATS_WINDOWS)
  window: StatsWindow = '24h';
}

export class DeliveryStatsDto {
  @ApiProperty({
    type: 'integer',
    maximum: MAX_PENDING_COUNT,
    description: `Now, whatever the window; counted up to ${MAX_PENDING_COUNT}.`,
  })
  pending: number;
  @ApiProperty({ type: 'integer', description: 'That ended so within the window, whenever they were made.' })
  succeeded: number;
  @ApiProperty({ type: 'integer', description: 'The same.' }) dead_letter: number;
  @ApiProperty({ type: 'integer', description: 'The same.' }) cancelled: number;
}

export class AttemptStatsDto {
  @ApiProperty({ type: 'integer' }) succeeded: number;
  @ApiProperty({ type: 'integer' }) failed: number;
}

export class StatsPointDto {
  @ApiProperty({ format: 'date-time', description: 'When the step begins.' }) at: Date;
  @ApiProperty({ type: 'integer', description: 'Accepted.' }) events: number;
  @ApiProperty({ type: 'integer', description: 'What these events were fanned out to.' }) deliveries: number;
  @ApiProperty({ type: 'integer', description: 'Attempts.' }) succeeded: number;
  @ApiProperty({ type: 'integer', description: 'Attempts.' }) failed: number;
}

/** Counted by the minute as it happens; up to 2 s behind, and as much is lost when a process is killed. */
export class StatsDto {
  @ApiProperty({ enum: STATS_WINDOWS }) window: StatsWindow;
  @ApiProperty({ format: 'date-time', description: 'When the first step of the series begins.' }) since: Date;
  @ApiProperty({ type: 'integer', description: 'Accepted.' }) events: number;
  @ApiProperty() deliveries: DeliveryStatsDto;
  @ApiProperty() attempts: AttemptStatsDto;
  @ApiProperty({
    type: Number,
    nullable: true,
    minimum: 0,
    maximum: 1,
    example: 0.995,
    description: 'The share of attempts that succeeded; null when there were none.',
  })
  success_rate: number | null;
  @ApiProperty() latency_ms: LatencyDto;
  @ApiProperty({
    type: [StatsPointDto],
    description:
      'Steps of a minute (`1h`), 15 minutes (`24h`) or 2 hours (`7d`), oldest first, without gaps; the last is still going on.',
  })
  series: StatsPointDto[];
}

import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { CIRCUIT_STATES, type CircuitState } from '../circuit-breaker/endpoint-circuit.entity.js';
import { PageQueryDto } from '../common/pagination.js';
import { IfPresent } from '../common/validators.js';
import { LatencyDto } from './latency.dto.js';
import { MAX_PENDING_COUNT } from './count-pending.query.js';

export const ENDPOINT_SERIES = ['24h'] as const;
export type EndpointSeries = (typeof ENDPOINT_SERIES)[number];

export class CircuitDto {
  @ApiProperty({ enum: CIRCUIT_STATES, enumName: 'CircuitState' }) state: CircuitState;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Null while it is closed.' })
  opened_at: Date | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Null unless it is open.' })
  next_probe_at: Date | null;
}

export class CircuitTransitionDto {
  @ApiProperty({ enum: CIRCUIT_STATES, enumName: 'CircuitState' }) state: CircuitState;
  @ApiProperty({ format: 'date-time' }) at: Date;
}

export class EndpointHealthQueryDto extends PageQueryDto {
  @ApiPropertyOptional({
    enum: ENDPOINT_SERIES,
    description:
      'Adds the attempts of each hour. It reads a day of counts for each endpoint: for a look, not for every second.',
  })
  @IfPresent()
  @IsIn(ENDPOINT_SERIES)
  series?: EndpointSeries;
}

export class EndpointHealthPointDto {
  @ApiProperty({ format: 'date-time', description: 'When the hour begins.' }) at: Date;
  @ApiProperty({ type: 'integer', description: 'Attempts.' }) succeeded: number;
  @ApiProperty({ type: 'integer', description: 'Attempts.' }) failed: number;
}

/** Over the last hour. */
export class EndpointHealthDto {
  @ApiProperty({ format: 'uuid' }) endpoint_id: string;
  @ApiProperty() circuit: CircuitDto;
  @ApiProperty({ type: 'integer', description: 'Attempts that failed since the last one that succeeded.' })
  consecutive_failures: number;
  @ApiProperty({
    type: Number,
    nullable: true,
    minimum: 0,
    maximum: 1,
    example: 0.995,
    description: 'The share of attempts in the last hour that succeeded; null when there were none.',
  })
  success_rate: number | null;
  @ApiProperty() latency_ms: LatencyDto;
  @ApiProperty({
    type: 'integer',
    maximum: MAX_PENDING_COUNT,
    description: `Deliveries that wait, are held or are under way now; counted up to ${MAX_PENDING_COUNT}.`,
  })
  pending: number;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Of an attempt, however long ago.' })
  last_success_at: Date | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Of an attempt, however long ago.' })
  last_failure_at: Date | null;
  @ApiPropertyOptional({
    type: [EndpointHealthPointDto],
    description: 'With `series=24h` alone: 24 hours, oldest first, without gaps; the last is still going on.',
  })
  series?: EndpointHealthPointDto[];
}

export class EndpointHealthDetailDto extends EndpointHealthDto {
  @ApiProperty({ type: [CircuitTransitionDto], description: "The circuit's last 20 changes, newest first." })
  history: CircuitTransitionDto[];
}

export class EndpointHealthPageDto {
  @ApiProperty({ type: [EndpointHealthDto] }) data: EndpointHealthDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { IfPresent, IsTimestamp } from '../common/validators.js';
import { REPLAYED_STATUSES, type ReplayedStatus, type ReplayStatus } from './replay.entity.js';

const REPLAYED = `Which of its deliveries made in that time it gets again, an event once however many of them it had.
\`dead_letter\`: those whose dead letter is unresolved; these resolve when the fresh delivery succeeds.
\`missing\`: events of a type it wants that it never got a delivery for, whenever the endpoint was made; the service's own
(\`posthaste.*\`) left out. Left out: every event of a type it wants, delivered or not.`;

export class ReplayEndpointDto {
  @ApiProperty({ format: 'date-time', description: 'Made at this time or later. What is past its retention is gone.' })
  @IsTimestamp()
  since: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Made before this time; default and at most: now.' })
  @IfPresent()
  @IsTimestamp()
  until?: string;

  @ApiPropertyOptional({ enum: REPLAYED_STATUSES, description: REPLAYED })
  @IfPresent()
  @IsIn(REPLAYED_STATUSES)
  status?: ReplayedStatus;
}

export class ReplayDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({
    enum: ['running', 'completed', 'failed'],
    enumName: 'ReplayStatus',
    description: '`completed`: all that was found is dealt with; `failed`: it ended early, `error` says why.',
  })
  status: ReplayStatus;
  @ApiProperty({ type: 'integer', description: 'Items (events, or dead letters) found when it was asked for.' })
  total: number;
  @ApiProperty({
    type: 'integer',
    description:
      'Fresh deliveries made. With `failed` it may stay below `total`: what was settled otherwise meanwhile is no item any more.',
  })
  done: number;
  @ApiProperty({
    type: 'integer',
    description:
      'Items that could not be replayed: the endpoint is deleted or disabled, the payload is past its retention, or a retry of the dead letter is still under way.',
  })
  failed: number;
  @ApiProperty({ format: 'date-time' }) created_at: Date;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) finished_at: Date | null;
  @ApiProperty({ type: String, nullable: true, example: 'The endpoint was deleted.' }) error: string | null;
}

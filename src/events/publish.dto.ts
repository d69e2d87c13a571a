import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ProblemDto } from '../common/api-problems.decorator.js';

/**
 * Describes the body of a publish request; it is not what parses it. The body is read as bytes (publish-request.ts),
 * because the payload must arrive as it was sent: key order, white space, `1.0` and integers beyond 2^53.
 */
export class PublishEventDto {
  @ApiProperty({ example: 'order.created', maxLength: 255, pattern: '^[A-Za-z0-9_]+(\\.[A-Za-z0-9_]+)*$' })
  event_type: string;

  @ApiProperty({
    description: 'Any JSON value, at most 256 KiB and 512 levels deep. Delivered byte for byte.',
    example: { order: 42, total: '19.90' },
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: {} },
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
    ],
  })
  payload: unknown;

  @ApiPropertyOptional({
    description:
      'Your own id for the event, unique in the tenant for 24 hours: posting it again delivers nothing twice.',
    example: 'order-42-created',
    maxLength: 255,
  })
  event_id?: string;

  @ApiPropertyOptional({ description: 'Which of your systems it comes from.', example: 'shop', maxLength: 255 })
  source?: string;

  @ApiPropertyOptional({
    type: [String],
    format: 'uuid',
    maxItems: 100,
    description: 'Only to these endpoints, whatever types they want. Absent: to every active one that wants the type.',
    example: ['0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f10'],
  })
  endpoint_ids?: string[];
}

export class PublishBatchDto {
  @ApiProperty({ type: [PublishEventDto], minItems: 1, maxItems: 1000 }) events: PublishEventDto[];
}

export class PublishAnswerDto {
  @ApiProperty({
    format: 'uuid',
    description: 'Our id; receivers see it as `webhook-id`.',
    example: '0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f11',
  })
  id: string;
  @ApiProperty({ type: String, nullable: true, example: 'order-42-created' }) event_id: string | null;
  @ApiProperty({ example: 'order.created' }) event_type: string;
  @ApiProperty({ enum: ['accepted'] }) status: string;
  @ApiProperty({ type: 'integer', description: 'How many endpoints get it.', example: 2 }) deliveries: number;
  @ApiProperty({ description: 'It was posted before under this key; this is the first answer.', example: false })
  duplicate: boolean;
  @ApiProperty({ format: 'date-time', example: '2026-01-31T12:00:00.000Z' }) created_at: Date;
}

export class BatchResultDto {
  @ApiProperty({ type: 'integer', example: 0 }) index: number;
  @ApiProperty({ enum: ['accepted', 'duplicate', 'rejected'] }) status: string;
  @ApiPropertyOptional({ format: 'uuid', example: '0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f11' }) id?: string;
  @ApiPropertyOptional({ type: ProblemDto, description: 'Why it was rejected.' }) error?: ProblemDto;
}

export class BatchAnswerDto {
  @ApiProperty({ type: 'integer', example: 1 }) accepted: number;
  @ApiProperty({ type: 'integer', example: 0 }) duplicates: number;
  @ApiProperty({ type: 'integer', example: 0 }) rejected: number;
  @ApiProperty({ type: [BatchResultDto] }) results: BatchResultDto[];
}

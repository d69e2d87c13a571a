import { ApiProperty } from '@nestjs/swagger';
import type { AttemptOutcome } from './delivery-attempt.entity.js';

export class AttemptRequestDto {
  @ApiProperty({ example: 'https://hooks.example.com/orders' }) url: string;
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: "As sent; the endpoint's own values are masked.",
  })
  headers: Record<string, string>;
  @ApiProperty({ type: String, nullable: true, description: 'As sent; null when the event is no longer kept.' }) body:
    string | null;
}

export class AttemptResponseDto {
  @ApiProperty({
    type: 'object',
    additionalProperties: { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
    description: 'Empty when no response came.',
  })
  headers: Record<string, string | string[]>;
  @ApiProperty({ type: String, nullable: true, description: 'The first 16 KiB; null when no response came.' }) body:
    string | null;
  @ApiProperty({ description: 'Whether the body went on.' }) truncated: boolean;
}

export class AttemptDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid' }) delivery_id: string;
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Counted from 1.' }) attempt: number;
  @ApiProperty({ enum: ['succeeded', 'failed'], enumName: 'AttemptOutcome' }) outcome: AttemptOutcome;
  @ApiProperty({ type: 'integer', nullable: true, description: 'Null when no response came.', example: 200 })
  status_code: number | null;
  @ApiProperty({ type: String, nullable: true, description: 'Null when it succeeded.', example: 'HTTP 500' }) error:
    string | null;
  @ApiProperty({ type: AttemptRequestDto }) request: AttemptRequestDto;
  @ApiProperty({ type: AttemptResponseDto }) response: AttemptResponseDto;
  @ApiProperty({ type: 'integer', minimum: 0 }) duration_ms: number;
  @ApiProperty({ format: 'date-time', description: 'When the attempt began.' }) created_at: Date;
}

export class AttemptPageDto {
  @ApiProperty({ type: [AttemptDto] }) data: AttemptDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

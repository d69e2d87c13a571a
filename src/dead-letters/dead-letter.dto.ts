import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsUUID } from 'class-validator';
import { TimeRangePageQueryDto } from '../common/newest-first.js';
import { PAYLOAD_PROPERTY } from '../common/raw-json.js';
import { IfPresent, IsPrintable } from '../common/validators.js';
import { DEAD_LETTER_REASONS, type DeadLetterReason, type DeadLetterResolution } from './dead-letter.entity.js';

/** By one request with a filter: each is written down in the audit log, in one transaction. */
export const MAX_RESOLVED_AT_ONCE = 1_000;

export class ListDeadLettersQueryDto extends TimeRangePageQueryDto {
  @ApiPropertyOptional({ format: 'uuid' }) @IfPresent() @IsUUID() endpoint_id?: string;
  @ApiPropertyOptional({ example: 'order.created' }) @IfPresent() @IsPrintable({ max: 255 }) event_type?: string;
  @ApiPropertyOptional({ enum: DEAD_LETTER_REASONS }) @IfPresent() @IsIn(DEAD_LETTER_REASONS) reason?: DeadLetterReason;

  @ApiPropertyOptional({ description: 'Only those that are (`true`) or are not (`false`) resolved.' })
  @IfPresent()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  resolved?: boolean;
}

/** As lists show it; payloads may be large. */
export class DeadLetterSummaryDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid', description: 'The last of its deliveries that died.' }) delivery_id: string;
  @ApiProperty({ format: 'uuid', description: 'Our id of the event.' }) event_id: string;
  @ApiProperty({ example: 'order.created' }) event_type: string;
  @ApiProperty({ format: 'uuid' }) endpoint_id: string;
  @ApiProperty({ enum: DEAD_LETTER_REASONS, enumName: 'DeadLetterReason' }) reason: DeadLetterReason;
  @ApiProperty({ type: 'integer' }) attempts: number;
  @ApiProperty({ type: 'integer', nullable: true, example: 503 }) last_status_code: number | null;
  @ApiProperty({ type: String, nullable: true, example: 'HTTP 500' }) last_error: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) resolved_at: Date | null;
  @ApiProperty({
    enum: ['retried', 'resolved'],
    enumName: 'DeadLetterResolution',
    nullable: true,
    description: '`retried`: the event arrived by another attempt; `resolved`: a person said that it is dealt with.',
  })
  resolution: DeadLetterResolution | null;
  @ApiProperty({ format: 'date-time' }) created_at: Date;
}

export class DeadLetterDto extends DeadLetterSummaryDto {
  @ApiProperty(PAYLOAD_PROPERTY)
  payload: unknown;
}

export class ResolvedDeadLettersDto {
  @ApiProperty({ type: 'integer', maximum: MAX_RESOLVED_AT_ONCE }) resolved: number;
  @ApiProperty({ description: 'Whether the filter may match more, which take another request.' }) has_more: boolean;
}

export class DeadLetterPageDto {
  @ApiProperty({ type: [DeadLetterSummaryDto] }) data: DeadLetterSummaryDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

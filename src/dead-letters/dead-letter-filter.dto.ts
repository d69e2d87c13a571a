import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsUUID } from 'class-validator';
import { IfPresent, IsPrintable, IsTimestamp } from '../common/validators.js';
import { DEAD_LETTER_REASONS, type DeadLetterReason } from './dead-letter.entity.js';

/** Unresolved dead letters; without a filter all of the tenant's. */
export class DeadLetterFilterDto {
  @ApiPropertyOptional({ format: 'uuid' }) @IfPresent() @IsUUID('loose') endpoint_id?: string;
  @ApiPropertyOptional({ example: 'order.created' }) @IfPresent() @IsPrintable({ max: 255 }) event_type?: string;
  @ApiPropertyOptional({ enum: DEAD_LETTER_REASONS }) @IfPresent() @IsIn(DEAD_LETTER_REASONS) reason?: DeadLetterReason;

  @ApiPropertyOptional({ format: 'date-time', description: 'Made at this time or later.' })
  @IfPresent()
  @IsTimestamp()
  after?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Made before this time; default and at most: now.' })
  @IfPresent()
  @IsTimestamp()
  before?: string;
}

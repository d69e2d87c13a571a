import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsUUID } from 'class-validator';
import { TimeRangePageQueryDto } from '../common/newest-first.js';
import { IfPresent, IsPrintable } from '../common/validators.js';
import { DELIVERY_STATUSES, HOLD_REASONS, type DeliveryStatus, type HoldReason } from './delivery.entity.js';

export class ListDeliveriesQueryDto extends TimeRangePageQueryDto {
  @ApiPropertyOptional({ description: "Our id of the event, or the tenant's own.", maxLength: 255 })
  @IfPresent()
  @IsPrintable({ max: 255 })
  event_id?: string;

  @ApiPropertyOptional({ format: 'uuid' }) @IfPresent() @IsUUID() endpoint_id?: string;
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES }) @IfPresent() @IsIn(DELIVERY_STATUSES) status?: DeliveryStatus;
  @ApiPropertyOptional({ example: 'order.created' }) @IfPresent() @IsPrintable({ max: 255 }) event_type?: string;
}

export class DeliveryDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid', description: 'Our id of the event.' }) event_id: string;
  @ApiProperty({ example: 'order.created' }) event_type: string;
  @ApiProperty({ format: 'uuid' }) endpoint_id: string;
  @ApiProperty({ enum: DELIVERY_STATUSES, enumName: 'DeliveryStatus' }) status: DeliveryStatus;
  @ApiProperty({ type: 'integer', description: 'Attempts made.' }) attempts: number;
  @ApiProperty({ type: 'integer' }) max_attempts: number;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Null unless it waits for a time.' })
  next_attempt_at: Date | null;
  @ApiProperty({ enum: HOLD_REASONS, enumName: 'HoldReason', nullable: true, description: 'What else it waits for.' })
  held_by: HoldReason | null;
  @ApiProperty({ type: 'integer', nullable: true, example: 503 }) last_status_code: number | null;
  @ApiProperty({ type: String, nullable: true, example: 'HTTP 500' }) last_error: string | null;
  @ApiProperty({ format: 'date-time' }) created_at: Date;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) completed_at: Date | null;
}

export class DeliveryPageDto {
  @ApiProperty({ type: [DeliveryDto] }) data: DeliveryDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsUUID } from 'class-validator';
import { TimeRangePageQueryDto } from '../common/newest-first.js';
import { PAYLOAD_PROPERTY } from '../common/raw-json.js';
import { IfPresent, IsPrintable } from '../common/validators.js';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../deliveries/delivery.entity.js';

const MAX_ENDPOINT_IDS = 100;

export class ListEventsQueryDto extends TimeRangePageQueryDto {
  @ApiPropertyOptional({ example: 'order.created' }) @IfPresent() @IsPrintable({ max: 255 }) event_type?: string;
  @ApiPropertyOptional({ description: "The tenant's own id." })
  @IfPresent()
  @IsPrintable({ max: 255 })
  event_id?: string;
  @ApiPropertyOptional() @IfPresent() @IsPrintable({ max: 255 }) source?: string;
}

export class ReplayEventDto {
  @ApiPropertyOptional({
    type: 'string',
    format: 'uuid',
    isArray: true,
    minItems: 1,
    maxItems: MAX_ENDPOINT_IDS,
    description: 'Where to; left out: every active endpoint that wants its type.',
  })
  @IfPresent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ENDPOINT_IDS)
  @IsUUID('loose', { each: true })
  endpoint_ids?: string[];
}

export class EventDeliveryDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid' }) endpoint_id: string;
  @ApiProperty({ enum: DELIVERY_STATUSES, enumName: 'DeliveryStatus' }) status: DeliveryStatus;
  @ApiProperty({ type: 'integer', description: 'Attempts made.' }) attempts: number;
}

/** As lists show it. */
export class EventSummaryDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ type: String, nullable: true, description: "The tenant's own id.", example: 'order-1001-created' })
  event_id: string | null;
  @ApiProperty({ example: 'order.created' }) event_type: string;
  @ApiProperty({ type: String, nullable: true, example: 'shop' }) source: string | null;
  @ApiProperty({ format: 'date-time' }) created_at: Date;
}

export class EventDto extends EventSummaryDto {
  @ApiProperty(PAYLOAD_PROPERTY)
  payload: unknown;
  @ApiProperty({ type: [EventDeliveryDto], description: 'The first 1,000, oldest first.' })
  deliveries: EventDeliveryDto[];
}

export class EventPageDto {
  @ApiProperty({ type: [EventSummaryDto] }) data: EventSummaryDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

export class ReplayedEventDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ type: String, nullable: true }) event_id: string | null;
  @ApiProperty({ example: 'order.created' }) event_type: string;
  @ApiProperty({ type: [EventDeliveryDto], description: 'The fresh ones.' }) deliveries: EventDeliveryDto[];
}

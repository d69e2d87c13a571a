import { ApiProperty } from '@nestjs/swagger';
import type { AttemptOutcome } from '../deliveries/delivery-attempt.entity.js';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../deliveries/delivery.entity.js';

/** One attempt as its tenant's readers see it, the data of `event: attempt`: ids and what is short. */
export class StreamedAttemptDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid' }) delivery_id: string;
  @ApiProperty({ format: 'uuid', description: 'Our id of the event.' }) event_id: string;
  @ApiProperty({ example: 'order.created' }) event_type: string;
  @ApiProperty({ format: 'uuid' }) endpoint_id: string;
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Counted from 1.' }) attempt: number;
  @ApiProperty({ enum: ['succeeded', 'failed'], enumName: 'AttemptOutcome' }) outcome: AttemptOutcome;
  @ApiProperty({ type: 'integer', nullable: true, description: 'Null when no response came.', example: 500 })
  status_code: number | null;
  @ApiProperty({ type: String, nullable: true, description: 'Null when it succeeded.', example: 'HTTP 500' }) error:
    string | null;
  @ApiProperty({ type: 'integer', minimum: 0 }) duration_ms: number;
  @ApiProperty({ format: 'date-time', description: "When the attempt began, by the database's clock." }) at: string;
  @ApiProperty({
    enum: DELIVERY_STATUSES,
    enumName: 'DeliveryStatus',
    nullable: true,
    description: 'What became of the delivery; null when that was decided by another.',
  })
  delivery_status: DeliveryStatus | null;
}

/** The data of `event: sample`. */
export class StreamSampleDto {
  @ApiProperty({ type: 'integer', minimum: 1, description: 'How many more attempts there were.' }) skipped: number;
}

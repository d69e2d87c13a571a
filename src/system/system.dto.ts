import { ApiProperty } from '@nestjs/swagger';
import { COUNTED_AT_MOST } from './pending.query.js';

export class QueueDepthsDto {
  @ApiProperty({ type: 'integer', description: 'A job holds up to 16 deliveries.', example: 3 }) waiting: number;
  @ApiProperty({ type: 'integer', example: 2 }) active: number;
  @ApiProperty({ type: 'integer', description: 'The last 1,000 at most.', example: 0 }) failed: number;
}

export class HeldDto {
  @ApiProperty({ type: 'integer', example: 40 }) circuit: number;
  @ApiProperty({ type: 'integer', example: 0 }) rate_limit: number;
  @ApiProperty({ type: 'integer', example: 0 }) disabled: number;
  @ApiProperty({ type: 'integer', example: 0 }) suspended: number;
  @ApiProperty({ type: 'integer', example: 12 }) fairness: number;
}

export class PendingDto {
  @ApiProperty({ type: 'integer', description: 'Due, and not in the queue yet.', example: 0 }) due: number;
  @ApiProperty({ type: 'integer', description: 'Waiting for the time of their next attempt.', example: 7 })
  scheduled: number;
  @ApiProperty({ type: 'integer', description: 'In the queue or under way.', example: 5 }) leased: number;
  @ApiProperty({ type: HeldDto, description: 'Waiting for something other than a time, by what it is.' }) held: HeldDto;
  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'Since when the oldest of the due ones is.',
    example: null,
  })
  oldest_due_at: Date | null;
}

export class WorkerProcessDto {
  @ApiProperty({ format: 'uuid', example: '019aa5c2-7d7e-7cc4-9a3d-0f6a8c1f2b44' }) id: string;
  @ApiProperty({ example: 'worker-1' }) host: string;
  @ApiProperty({ type: 'integer', example: 41 }) pid: number;
  @ApiProperty({ example: '0.1.0' }) version: string;
  @ApiProperty({ type: 'string', format: 'date-time', example: '2025-11-21T09:00:00.000Z' }) started_at: Date;
  @ApiProperty({ type: 'string', format: 'date-time', example: '2025-11-21T09:30:00.000Z' }) last_seen_at: Date;
  @ApiProperty({ description: 'Seen within the last 16 seconds.', example: true }) alive: boolean;
}

export class SystemDto {
  @ApiProperty({ description: 'Of the API that answers.', example: '0.1.0' }) version: string;
  @ApiProperty({ enum: ['redis', 'postgres'], description: 'What the queue runs on.', example: 'redis' })
  backend: 'redis' | 'postgres';
  @ApiProperty({
    type: QueueDepthsDto,
    nullable: true,
    description: "Null while the queue's store is away.",
  })
  queue: QueueDepthsDto | null;
  @ApiProperty({ type: PendingDto, description: `Counts end at ${COUNTED_AT_MOST}.` }) deliveries: PendingDto;
  @ApiProperty({ type: [WorkerProcessDto] }) workers: WorkerProcessDto[];
}

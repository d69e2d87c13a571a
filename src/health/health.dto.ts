import { ApiProperty } from '@nestjs/swagger';
import type { Readiness } from './health.service.js';

class ReadinessChecksDto {
  @ApiProperty({ enum: ['up', 'down'] }) postgres: Readiness['checks']['postgres'];
  @ApiProperty({ enum: ['up', 'pending', 'unknown'] }) migrations: Readiness['checks']['migrations'];
  @ApiProperty({ enum: ['up', 'down', 'off'], description: '`off`: not used.' }) redis: Readiness['checks']['redis'];
  @ApiProperty({ type: Boolean, description: 'It is stopping.' }) shutdown: boolean;
}

export class ReadinessDto implements Readiness {
  @ApiProperty({ enum: ['ready', 'degraded', 'unavailable'] }) status: Readiness['status'];
  @ApiProperty({ type: ReadinessChecksDto }) checks: ReadinessChecksDto;
}

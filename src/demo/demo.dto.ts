import { ApiProperty } from '@nestjs/swagger';

export class DemoDto {
  @ApiProperty({ format: 'uuid', example: '019aa5c2-7d7e-7cc4-9a3d-0f6a8c1f2b44' }) tenant_id: string;
  @ApiProperty({ type: 'string', format: 'date-time', description: 'Events are posted until then.' }) until: Date;
}

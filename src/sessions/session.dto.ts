import { ApiProperty } from '@nestjs/swagger';
import { SCOPES, type Scope } from '../api-keys/api-key.entity.js';
import type { CallerKind } from '../api-keys/caller.js';

class SessionTenantDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ example: 'Acme' }) name: string;
}

export class SessionDto {
  @ApiProperty({
    enum: ['operator', 'api_key', 'portal'],
    enumName: 'CallerKind',
    description: 'Made with what. The operator acts for a tenant by `X-Tenant-Id`, as with its key.',
    example: 'portal',
  })
  kind: CallerKind;
  @ApiProperty({ type: SessionTenantDto, nullable: true, description: "Null: the operator's." })
  tenant: SessionTenantDto | null;
  @ApiProperty({ enum: SCOPES, enumName: 'Scope', isArray: true, example: ['endpoints:read', 'deliveries:read'] })
  scopes: Scope[];
  @ApiProperty({ format: 'date-time', description: 'It ends sooner with the key behind it.' }) expires_at: Date;
  @ApiProperty({
    description: 'For the header `X-CSRF-Token` of every request by this session that is no GET.',
    example: 'q2Qb1mXv0xkq1Hq2C6oXn0m3c7Jp4p2W8l5gJmY4r9A',
  })
  csrf_token: string;
}

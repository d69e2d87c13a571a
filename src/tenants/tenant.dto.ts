import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsEmail, IsIn, IsOptional } from 'class-validator';
import { AsSent, IfPresent, IsPrintable, IsWholeNumber } from '../common/validators.js';
import { RETRY_POLICY_PROPERTY } from '../deliveries/retry-policy.dto.js';
import { TENANT_STATUSES, type TenantStatus } from './tenant.entity.js';

export const DEFAULT_RATE_LIMIT = 6_000;

const NAME = { description: '1 to 200 characters.', minLength: 1, maxLength: 200, example: 'Acme' };
const EMAIL = { type: String, format: 'email', nullable: true, example: 'ops@acme.example' } as const;
const RATE_LIMIT = {
  type: 'integer',
  nullable: true,
  minimum: 1,
  maximum: 10_000_000,
  default: DEFAULT_RATE_LIMIT,
  description: 'Events accepted a minute, with a burst of the same; null: no limit.',
} as const;
const DELIVERY_RATE_LIMIT = {
  type: 'integer',
  nullable: true,
  minimum: 1,
  maximum: 100_000,
  description: 'Attempts a second; null: no limit.',
} as const;
const RETENTION_DAYS = {
  type: 'integer',
  nullable: true,
  minimum: 1,
  maximum: 3_650,
  description: 'Days that events, deliveries and attempts are kept; null: as long as the installation keeps them.',
} as const;
const REQUIRE_SIGNED_PUBLISH = {
  type: Boolean,
  default: false,
  description:
    'Publish requests must carry `X-Signature: sha256=<hex>`, the HMAC-SHA256 of the body as sent with the `secret_key`.',
} as const;
const STATUS = {
  enum: TENANT_STATUSES,
  enumName: 'TenantStatus',
  description: 'A suspended tenant can publish nothing, and its deliveries wait.',
} as const;

class TenantSettingsDto {
  @ApiPropertyOptional(EMAIL) @IsOptional() @IsPrintable({ max: 320 }) @IsEmail() email?: string | null;
  @ApiPropertyOptional(RATE_LIMIT) @IsOptional() @IsWholeNumber(1, 10_000_000) rate_limit?: number | null;
  @ApiPropertyOptional(DELIVERY_RATE_LIMIT) @IsOptional() @IsWholeNumber(1, 100_000) delivery_rate_limit?:
    number | null;
  @ApiPropertyOptional(RETRY_POLICY_PROPERTY) @IsOptional() @AsSent() retry_policy?: unknown;
  @ApiPropertyOptional(RETENTION_DAYS) @IsOptional() @IsWholeNumber(1, 3_650) retention_days?: number | null;
  @ApiPropertyOptional(REQUIRE_SIGNED_PUBLISH) @IfPresent() @IsBoolean() require_signed_publish?: boolean;
}

export class CreateTenantDto extends TenantSettingsDto {
  @ApiProperty(NAME) @IsPrintable({ max: 200 }) name: string;
}

export class UpdateTenantDto extends TenantSettingsDto {
  @ApiPropertyOptional(NAME) @IfPresent() @IsPrintable({ max: 200 }) name?: string;
  @ApiPropertyOptional(STATUS) @IfPresent() @IsIn(TENANT_STATUSES) status?: TenantStatus;
}

export class TenantDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ example: 'Acme' }) name: string;
  @ApiProperty(EMAIL) email: string | null;
  @ApiProperty(STATUS) status: TenantStatus;
  @ApiProperty(RATE_LIMIT) rate_limit: number | null;
  @ApiProperty(DELIVERY_RATE_LIMIT) delivery_rate_limit: number | null;
  @ApiProperty(RETRY_POLICY_PROPERTY) retry_policy: object | null;
  @ApiProperty(RETENTION_DAYS) retention_days: number | null;
  @ApiProperty(REQUIRE_SIGNED_PUBLISH) require_signed_publish: boolean;
  @ApiProperty({ format: 'date-time' }) created_at: Date;
  @ApiProperty({ format: 'date-time' }) updated_at: Date;
}

export class CreatedTenantDto extends TenantDto {
  @ApiProperty({ description: 'An API key named `default` with all scopes. Shown only here.', example: 'ph_…' })
  api_key: string;
  @ApiProperty({
    description: 'Signs for `sha256` endpoints that have no secret of their own. Shown only here.',
    example: 'whsec_…',
  })
  secret_key: string;
}

export class TenantPageDto {
  @ApiProperty({ type: [TenantDto] }) data: TenantDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

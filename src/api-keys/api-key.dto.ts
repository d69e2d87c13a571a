import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn, IsOptional } from 'class-validator';
import { IfPresent, IsPrintable, IsTimestamp, IsWholeNumber } from '../common/validators.js';
import { SCOPES, type Scope } from './api-key.entity.js';

export const DEFAULT_KEY_OVERLAP_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 604_800;

const SCOPE_LIST = {
  enum: SCOPES,
  enumName: 'Scope',
  isArray: true,
  example: ['events:write', 'events:read'],
} as const;

export class CreateApiKeyDto {
  @ApiProperty({ minLength: 1, maxLength: 200, example: 'billing backend' })
  @IsPrintable({ max: 200 })
  name: string;

  @ApiPropertyOptional({
    ...SCOPE_LIST,
    description: 'What the key may do; all when left out. A key only gives scopes it has.',
  })
  @IfPresent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(SCOPES.length)
  @ArrayUnique()
  @IsIn(SCOPES, { each: true })
  scopes?: Scope[];

  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'In the future; null: never.',
  })
  @IsOptional()
  @IsTimestamp()
  expires_at?: string | null;
}

export class RotateApiKeyDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: MAX_OVERLAP_SECONDS,
    default: DEFAULT_KEY_OVERLAP_SECONDS,
    description: 'How long the old key lives on; 0 revokes it at once.',
  })
  @IfPresent()
  @IsWholeNumber(0, MAX_OVERLAP_SECONDS)
  overlap_seconds?: number;
}

export class ApiKeyDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ example: 'billing backend' }) name: string;
  @ApiProperty({ description: "The key's first characters.", example: 'ph_4fKq81Zx' }) prefix: string;
  @ApiProperty(SCOPE_LIST) scopes: Scope[];
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) expires_at: Date | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Exact to a minute.' })
  last_used_at: Date | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) revoked_at: Date | null;
  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The key that a rotation gave in its place.',
  })
  replaced_by: string | null;
  @ApiProperty({ format: 'date-time' }) created_at: Date;
}

export class CreatedApiKeyDto extends ApiKeyDto {
  @ApiProperty({ description: 'The whole key. Shown only here.', example: 'ph_…' }) key: string;
}

export class ApiKeyPageDto {
  @ApiProperty({ type: [ApiKeyDto] }) data: ApiKeyDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

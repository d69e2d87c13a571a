import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn } from 'class-validator';
import { SCOPES, type Scope } from '../api-keys/api-key.entity.js';
import { IfPresent, IsWholeNumber } from '../common/validators.js';

/** Never `keys:write`: whoever has a link could make itself a key that outlives it. */
export const PORTAL_SCOPES = SCOPES.filter((scope) => scope !== 'keys:write');
/** Nor, unless it is asked for, what passes for an event of the producer's. */
export const DEFAULT_PORTAL_SCOPES = PORTAL_SCOPES.filter((scope) => scope !== 'events:write');

export const DEFAULT_PORTAL_SECONDS = 3_600;
const MIN_PORTAL_SECONDS = 60;
const MAX_PORTAL_SECONDS = 86_400;

export class CreatePortalLinkDto {
  @ApiPropertyOptional({
    enum: PORTAL_SCOPES,
    enumName: 'PortalScope',
    isArray: true,
    example: ['endpoints:read', 'deliveries:read'],
    description:
      'What the link lets a person do, none that its maker lacks; when left out, all that the maker has but ' +
      '`keys:write` and `events:write`.',
  })
  @IfPresent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(PORTAL_SCOPES.length)
  @ArrayUnique()
  @IsIn(PORTAL_SCOPES, { each: true })
  scopes?: Scope[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: MIN_PORTAL_SECONDS,
    maximum: MAX_PORTAL_SECONDS,
    default: DEFAULT_PORTAL_SECONDS,
    description: 'How long the link lives. It ends sooner with the API key that it was made with.',
  })
  @IfPresent()
  @IsWholeNumber(MIN_PORTAL_SECONDS, MAX_PORTAL_SECONDS)
  expires_in_seconds?: number;
}

export class PortalLinkDto {
  @ApiProperty({
    format: 'uri',
    description: 'For one person, like a password: it carries a token in its fragment, which browsers send nowhere.',
    example: 'https://webhooks.example.com/#portal=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0In0.c2lnbmF0dXJl',
  })
  url: string;
  @ApiProperty({ format: 'date-time', example: '2026-01-31T13:00:00.000Z' }) expires_at: Date;
}

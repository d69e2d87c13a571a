import { ApiProperty, ApiPropertyOptional, type ApiPropertyOptions } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { AsSent, IfPresent, IsPrintable, IsWholeNumber } from '../common/validators.js';
import { RETRY_POLICY_PROPERTY } from '../deliveries/retry-policy.dto.js';
import type { SignatureScheme } from '../signing/webhook-secret.js';
import { EndpointTlsDto, EndpointTlsRequestDto } from './endpoint-tls.dto.js';
import { BODY_FORMATS, SIGNATURE_SCHEMES, type BodyFormat } from './endpoint.entity.js';
import { IsEventTypePattern } from './event-type-pattern.validator.js';

const MAX_EVENT_TYPES = 100;
const MAX_OVERLAP_SECONDS = 604_800;
export const DEFAULT_SECRET_OVERLAP_SECONDS = 86_400;
export const DEFAULT_TIMEOUT_MS = 15_000;

const URL = {
  description: 'http or https, on a public address, at most 2048 characters; no user info, no fragment.',
  example: 'https://hooks.example.com/orders',
};
const DESCRIPTION = { type: String, nullable: true, maxLength: 1_000, example: 'Orders to the warehouse' } as const;
const EVENT_TYPES = {
  type: 'string',
  isArray: true,
  maxItems: MAX_EVENT_TYPES,
  description: 'Exact types, or a prefix (`order.*`: one or more further segments). Empty: all.',
  example: ['order.*', 'invoice.paid'],
} satisfies ApiPropertyOptions;
const IS_ACTIVE = { description: 'Deliveries to an inactive endpoint wait until it is active again.', default: true };
const HEADERS = {
  type: 'object',
  additionalProperties: { type: 'string' },
  nullable: true,
  description: 'Sent with each delivery, at most 50. Their values are never shown again.',
  example: { 'x-token': 's3cr3t' },
} as const;
const RATE_LIMIT = {
  type: 'integer',
  nullable: true,
  minimum: 1,
  maximum: 100_000,
  description: 'Attempts a second; null: no limit.',
} as const;
const TIMEOUT_MS = {
  type: 'integer',
  minimum: 1_000,
  maximum: 30_000,
  default: DEFAULT_TIMEOUT_MS,
  description: 'Of a whole attempt, in milliseconds.',
} as const;
const SIGNATURE = {
  enum: SIGNATURE_SCHEMES,
  enumName: 'SignatureScheme',
  default: 'standard',
  description:
    'Standard Webhooks `v1` or `v1a` (ed25519), or `X-Webhook-Signature: sha256=<hex of HMAC-SHA256 over the body>`.',
} as const;
const FORMAT = {
  enum: BODY_FORMATS,
  enumName: 'BodyFormat',
  default: 'envelope',
  description: '`envelope`: the event around the payload; `payload`: its text alone.',
} as const;
const TLS = {
  nullable: true,
  description:
    'Certificates of its own, for an `https` URL. A PATCH replaces all of them, null takes them away. Receivers are verified in any case.',
} as const;
const SECRET = {
  description:
    '`whsec_` and base64 of 24 to 64 bytes (`standard`), `whsk_` and base64 of 64 bytes (`standard-ed25519`), or 16 to 255 ' +
    'printable characters (`sha256`).',
  example: 'whsec_…',
};

class EndpointSettingsDto {
  @ApiPropertyOptional(DESCRIPTION)
  @IsOptional()
  @IsPrintable({ min: 0, max: 1_000, lines: true })
  description?: string | null;

  @ApiPropertyOptional(EVENT_TYPES)
  @IfPresent()
  @IsArray()
  @ArrayMaxSize(MAX_EVENT_TYPES)
  @IsEventTypePattern()
  event_types?: string[];

  @ApiPropertyOptional(IS_ACTIVE) @IfPresent() @IsBoolean() is_active?: boolean;
  @ApiPropertyOptional(HEADERS) @IsOptional() @AsSent() headers?: unknown;
  @ApiPropertyOptional(RATE_LIMIT) @IsOptional() @IsWholeNumber(1, 100_000) rate_limit?: number | null;
  @ApiPropertyOptional(TIMEOUT_MS) @IfPresent() @IsWholeNumber(1_000, 30_000) timeout_ms?: number;
  @ApiPropertyOptional(RETRY_POLICY_PROPERTY) @IsOptional() @AsSent() retry_policy?: unknown;
  @ApiPropertyOptional(SIGNATURE) @IfPresent() @IsIn(SIGNATURE_SCHEMES) signature?: SignatureScheme;
  @ApiPropertyOptional(FORMAT) @IfPresent() @IsIn(BODY_FORMATS) format?: BodyFormat;
  @ApiPropertyOptional({ ...TLS, type: EndpointTlsRequestDto }) @IsOptional() @AsSent() tls?: unknown;
}

export class CreateEndpointDto extends EndpointSettingsDto {
  @ApiProperty(URL) @IsString() url: string;

  @ApiPropertyOptional({
    ...SECRET,
    description: `${SECRET.description} Left out: one is made; a \`sha256\` endpoint then signs with the tenant's \`secret_key\`.`,
  })
  @IfPresent()
  @IsString()
  @MaxLength(255)
  secret?: string;
}

export class UpdateEndpointDto extends EndpointSettingsDto {
  @ApiPropertyOptional(URL) @IfPresent() @IsString() url?: string;

  @ApiPropertyOptional({
    ...SECRET,
    description: `Only together with another \`signature\`: the secret for it. ${SECRET.description} Rotate a secret to replace it.`,
  })
  @IfPresent()
  @IsString()
  @MaxLength(255)
  secret?: string;
}

export class RotateSecretDto {
  @ApiPropertyOptional({ ...SECRET, description: `${SECRET.description} Left out: one is made.` })
  @IfPresent()
  @IsString()
  @MaxLength(255)
  secret?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: MAX_OVERLAP_SECONDS,
    default: DEFAULT_SECRET_OVERLAP_SECONDS,
    description: 'How long deliveries are signed with the old secret as well.',
  })
  @IfPresent()
  @IsWholeNumber(0, MAX_OVERLAP_SECONDS)
  overlap_seconds?: number;
}

export class EndpointDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty(URL) url: string;
  @ApiProperty(DESCRIPTION) description: string | null;
  @ApiProperty(EVENT_TYPES) event_types: string[];
  @ApiProperty(IS_ACTIVE) is_active: boolean;
  @ApiProperty({
    ...HEADERS,
    nullable: false,
    description: 'The names; values are masked.',
    example: { 'x-token': '***' },
  })
  headers: Record<string, string>;
  @ApiProperty(RATE_LIMIT) rate_limit: number | null;
  @ApiProperty(TIMEOUT_MS) timeout_ms: number;
  @ApiProperty(RETRY_POLICY_PROPERTY) retry_policy: object | null;
  @ApiProperty(SIGNATURE) signature: SignatureScheme;
  @ApiProperty(FORMAT) format: BodyFormat;
  @ApiProperty({ ...TLS, type: EndpointTlsDto }) tls: EndpointTlsDto | null;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Why Posthaste disabled it; null while active or when a person did.',
  })
  disabled_reason: string | null;
  @ApiProperty({ format: 'date-time' }) created_at: Date;
  @ApiProperty({ format: 'date-time' }) updated_at: Date;
}

export class CreatedEndpointDto extends EndpointDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description: "What its deliveries are signed with; null: the tenant's `secret_key`.",
    example: 'whsec_…',
  })
  secret: string | null;
}

export class UpdatedEndpointDto extends EndpointDto {
  @ApiPropertyOptional({ description: 'Only when another `signature` needed a new secret.', example: 'whsk_…' })
  secret?: string;
}

export class EndpointPageDto {
  @ApiProperty({ type: [EndpointDto] }) data: EndpointDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

export class EndpointSecretDto {
  @ApiProperty({ example: 'whsec_…' }) secret: string;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'For `standard-ed25519`: what receivers verify with.',
    example: null,
  })
  public_key: string | null;
}

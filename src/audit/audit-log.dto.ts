import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsUUID } from 'class-validator';
import { TimeRangePageQueryDto } from '../common/newest-first.js';
import { IfPresent } from '../common/validators.js';
import { ACTOR_KINDS, type ActorKind } from './actor.js';
import { AUDIT_ACTIONS, type AuditAction } from './audit-entry.entity.js';

export class ListAuditLogQueryDto extends TimeRangePageQueryDto {
  @ApiPropertyOptional({ enum: AUDIT_ACTIONS }) @IfPresent() @IsIn(AUDIT_ACTIONS) action?: AuditAction;

  @ApiPropertyOptional({ format: 'uuid', description: 'Of an API key or portal link.' })
  @IfPresent()
  @IsUUID()
  actor_id?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description: 'Of the endpoint, key, dead letter … that something was done to.',
  })
  @IfPresent()
  @IsUUID()
  subject_id?: string;
}

export class AuditActorDto {
  @ApiProperty({ enum: ACTOR_KINDS, enumName: 'ActorKind', example: 'api_key' }) kind: ActorKind;
  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Of the API key or portal link; null for the operator and for Posthaste itself (`system`).',
  })
  id: string | null;
}

export class AuditSubjectDto {
  @ApiProperty({ example: 'endpoint' }) kind: string;
  @ApiProperty({ format: 'uuid' }) id: string;
}

/** A field's value, whatever it is. */
const ANY = [
  { type: 'string' },
  { type: 'number' },
  { type: 'boolean' },
  { type: 'object' },
  { type: 'array', items: {} },
  { type: 'null' },
];

export class AuditChangeDto {
  @ApiProperty({ example: 'rate_limit' }) field: string;
  @ApiPropertyOptional({
    description: 'Left out for secrets, and for what had no value before.',
    example: 10,
    oneOf: ANY,
  })
  old?: unknown;
  @ApiPropertyOptional({ description: 'Left out for secrets.', example: 20, oneOf: ANY })
  new?: unknown;
}

export class AuditEntryDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'date-time' }) at: Date;
  @ApiProperty({ type: AuditActorDto }) actor: AuditActorDto;
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) tenant_id: string | null;
  @ApiProperty({ enum: AUDIT_ACTIONS, enumName: 'AuditAction', example: 'endpoint.updated' }) action: AuditAction;
  @ApiProperty({ type: AuditSubjectDto }) subject: AuditSubjectDto;
  @ApiProperty({ type: String, nullable: true, description: '`X-Request-Id` of the request.' })
  request_id: string | null;
  @ApiProperty({
    type: String,
    nullable: true,
    description: "Null for Posthaste itself, and to tenants for the operator's actions.",
    example: '203.0.113.7',
  })
  ip: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'As `ip`.', example: 'curl/8.5.0' })
  user_agent: string | null;
  @ApiProperty({
    type: [AuditChangeDto],
    description: 'What it changed, or its facts. Of a URL only the origin; of headers only their names.',
  })
  changes: AuditChangeDto[];
}

export class AuditPageDto {
  @ApiProperty({ type: [AuditEntryDto] }) data: AuditEntryDto[];
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) next_cursor: string | null;
}

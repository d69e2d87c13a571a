import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { ActorKind } from './actor.js';

/** What is written down, as `<subject>.<what happened to it>`. Publishing isn't: events are their own record. */
export const AUDIT_ACTIONS = [
  'tenant.created',
  'tenant.updated',
  'tenant.suspended',
  'tenant.deleted',
  'api_key.created',
  'api_key.rotated',
  'api_key.revoked',
  'endpoint.created',
  'endpoint.updated',
  'endpoint.deleted',
  'endpoint.tested',
  'endpoint.secret_rotated',
  'endpoint.secret_read',
  'endpoint.replayed',
  'endpoint.disabled',
  'event.replayed',
  'delivery.retried',
  'delivery.cancelled',
  'dead_letter.retried',
  'dead_letter.resolved',
  'dead_letter.bulk_retried',
  'portal_link.created',
  'session.created',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What became of a field. Of secrets and the like neither value is kept. */
export interface AuditedChange {
  field: string;
  old?: unknown;
  new?: unknown;
}

/** Append-only, by triggers; it outlives what it speaks of, so nothing refers to anything. */
@Entity('audit_log')
@Index('audit_log_tenant_id_id_idx', ['tenantId', 'id'])
@Index('audit_log_subject_id_id_idx', ['subjectId', 'id'])
@Check('audit_log_actor_kind_check', `actor_kind IN ('operator', 'api_key', 'portal', 'system')`)
export class AuditEntry {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'audit_log_pkey' }) id: string;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) at: Date;
  @Column('text') actorKind: ActorKind;
  @Column('uuid', { nullable: true }) actorId: string | null;
  /** Null: it concerns the whole installation. */
  @Column('uuid', { nullable: true }) tenantId: string | null;
  @Column('text') action: AuditAction;
  @Column('text') subjectKind: string;
  @Column('uuid') subjectId: string;
  @Column('text', { nullable: true }) requestId: string | null;
  @Column('text', { nullable: true }) ip: string | null;
  @Column('text', { nullable: true }) userAgent: string | null;
  @Column('jsonb', { default: () => `'[]'` }) changes: AuditedChange[];
}

import { Check, Column, Entity, PrimaryColumn } from 'typeorm';
import type { RetryPolicy } from '../deliveries/retry-policy.js';

export const TENANT_STATUSES = ['active', 'suspended'] as const;
export type TenantStatus = (typeof TENANT_STATUSES)[number];

@Entity('tenants')
@Check('tenants_status_check', `status IN ('active', 'suspended')`)
export class Tenant {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'tenants_pkey' }) id: string;
  @Column('text') name: string;
  @Column('text', { nullable: true }) email: string | null;
  @Column('text', { default: 'active' }) status: TenantStatus;
  /** Events accepted a minute; null: no limit. */
  @Column('integer', { nullable: true }) rateLimit: number | null;
  /** Attempts a second; null: no limit. */
  @Column('integer', { nullable: true }) deliveryRateLimit: number | null;
  @Column('jsonb', { nullable: true }) retryPolicy: RetryPolicy | null;
  @Column('integer', { nullable: true }) retentionDays: number | null;
  /** Publish requests must be signed with the secret key. */
  @Column('boolean', { default: false }) requireSignedPublish: boolean;
  /** Sealed; signs for `sha256` endpoints that have no secret of their own. */
  @Column('text') secretKeySealed: string;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) createdAt: Date;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) updatedAt: Date;
}

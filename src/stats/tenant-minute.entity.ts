import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Tenant } from '../tenants/tenant.entity.js';

/** What happened to a tenant's events, deliveries and attempts in one minute. */
@Entity('tenant_minutes')
export class TenantMinute {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'tenant_minutes_pkey' })
  @ForeignKey(() => Tenant, { name: 'tenant_minutes_tenant_id_fkey', onDelete: 'CASCADE' })
  tenantId: string;
  @PrimaryColumn({ type: 'timestamptz', precision: 0, primaryKeyConstraintName: 'tenant_minutes_pkey' }) minute: Date;
  /** Accepted. */
  @Column('integer') events: number;
  /** What these events were fanned out to. */
  @Column('integer') deliveries: number;
  /** Deliveries that ended so in this minute, whenever they were made. */
  @Column('integer') succeeded: number;
  @Column('integer') deadLetter: number;
  @Column('integer') cancelled: number;
  @Column('integer') attemptsSucceeded: number;
  @Column('integer') attemptsFailed: number;
  /** Attempts by latency bucket (latency-buckets.ts). */
  @Column('integer', { array: true }) latencyCounts: number[];
}

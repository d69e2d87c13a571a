import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A deleted tenant whose events, deliveries and attempts are still being removed in batches. */
@Entity('tenant_removals')
export class TenantRemoval {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'tenant_removals_pkey' }) tenantId: string;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) requestedAt: Date;
}

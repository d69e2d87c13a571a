import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Tenant } from '../tenants/tenant.entity.js';

export type ReplayKind = 'endpoint' | 'dead_letters';
export type ReplayStatus = 'running' | 'completed' | 'failed';

/** A bulk replay: makes fresh deliveries, oldest first, at a bounded rate. */
@Entity('replays')
@Index('replays_tenant_id_id_idx', ['tenantId', 'id'])
@Index('replays_running_idx', ['updatedAt'], { where: `status = 'running'` })
@Check('replays_kind_check', `kind IN ('endpoint', 'dead_letters')`)
@Check('replays_status_check', `status IN ('running', 'completed', 'failed')`)
export class Replay {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'replays_pkey' }) id: string;
  @Column('uuid')
  @ForeignKey(() => Tenant, { name: 'replays_tenant_id_fkey', onDelete: 'CASCADE' })
  tenantId: string;
  @Column('text') kind: ReplayKind;
  @Column('uuid', { nullable: true }) endpointId: string | null;
  /** What the request asked for, as it was understood: fixed bounds of ids, so that what comes later doesn't count. */
  @Column('jsonb') filter: Record<string, unknown>;
  @Column('text', { default: 'running' }) status: ReplayStatus;
  @Column('integer') total: number;
  @Column('integer', { default: 0 }) done: number;
  @Column('integer', { default: 0 }) failed: number;
  /** The last event, delivery or dead letter that was dealt with: where a crashed run goes on. */
  @Column('uuid', { nullable: true }) lastId: string | null;
  @Column('text', { nullable: true }) error: string | null;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) createdAt: Date;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) updatedAt: Date;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) finishedAt: Date | null;
}

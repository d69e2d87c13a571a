import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Tenant } from '../tenants/tenant.entity.js';

export const DEAD_LETTER_REASONS = [
  'attempts_exhausted',
  'gone',
  'endpoint_disabled',
  'address_refused',
  'expired',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** How a dead letter was settled: its event arrived after all, or a person said that it is dealt with. */
export type DeadLetterResolution = 'retried' | 'resolved';

/**
 * That an event could not be delivered to an endpoint, by however many deliveries. Outlives the partitions of its event and
 * deliveries, so it keeps the payload and all that a retry needs.
 */
@Entity('dead_letters')
@Index('dead_letters_tenant_id_id_idx', ['tenantId', 'id'])
@Index('dead_letters_unresolved_idx', ['tenantId', 'id'], { where: 'resolved_at IS NULL' })
// Which letter is an event's at an endpoint, and which event a payload is of when the event is gone.
@Index('dead_letters_event_id_endpoint_id_idx', ['eventId', 'endpointId'])
@Index('dead_letters_delivery_id_key', ['deliveryId'], { unique: true })
@Check(
  'dead_letters_reason_check',
  `reason IN ('attempts_exhausted', 'gone', 'endpoint_disabled', 'address_refused', 'expired')`,
)
export class DeadLetter {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'dead_letters_pkey' }) id: string;
  @Column('uuid')
  @ForeignKey(() => Tenant, { name: 'dead_letters_tenant_id_fkey', onDelete: 'CASCADE' })
  tenantId: string;
  /** The last of its deliveries that died. */
  @Column('uuid') deliveryId: string;
  @Column('uuid') eventId: string;
  @Column('uuid') endpointId: string;
  @Column('text') eventType: string;
  @Column('text', { nullable: true }) source: string | null;
  @Column('text') payload: string;
  @Column('text') traceparent: string;
  @Column({ type: 'timestamptz', precision: 3 }) eventCreatedAt: Date;
  @Column('text') reason: DeadLetterReason;
  @Column('integer') attempts: number;
  @Column('integer', { nullable: true }) lastStatusCode: number | null;
  @Column('text', { nullable: true }) lastError: string | null;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) resolvedAt: Date | null;
  @Column('text', { nullable: true }) resolution: DeadLetterResolution | null;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) createdAt: Date;
}

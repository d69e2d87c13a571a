import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

export const DELIVERY_STATUSES = ['pending', 'succeeded', 'dead_letter', 'cancelled'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** What a pending delivery waits for, other than its time. */
export const HOLD_REASONS = ['circuit', 'rate_limit', 'disabled', 'suspended', 'fairness'] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

/** Partitioned by day on `id` (see src/database/partitions.ts). */
@Entity('deliveries')
@Index('deliveries_tenant_id_id_idx', ['tenantId', 'id'])
@Index('deliveries_tenant_id_event_type_id_idx', ['tenantId', 'eventType', 'id'])
// Those that succeed, nearly all, never enter it.
@Index('deliveries_unsuccessful_idx', ['tenantId', 'status', 'id'], {
  where: `status IN ('dead_letter', 'cancelled')`,
})
@Index('deliveries_event_id_idx', ['eventId'])
@Index('deliveries_endpoint_id_id_idx', ['endpointId', 'id'])
// A pending delivery stands in exactly one of these three: due at a time, leased to the queue, or held back.
@Index('deliveries_due_idx', ['nextAttemptAt', 'endpointId'], {
  where: `status = 'pending' AND leased_until IS NULL AND next_attempt_at IS NOT NULL`,
})
@Index('deliveries_leased_idx', ['leasedUntil', 'endpointId', 'tenantId'], {
  where: `status = 'pending' AND leased_until IS NOT NULL`,
})
@Index('deliveries_held_idx', ['heldBy', 'endpointId', 'attempts', 'id'], {
  where: `status = 'pending' AND held_by IS NOT NULL`,
})
@Check('deliveries_status_check', `status IN ('pending', 'succeeded', 'dead_letter', 'cancelled')`)
@Check('deliveries_held_by_check', `held_by IN ('circuit', 'rate_limit', 'disabled', 'suspended', 'fairness')`)
export class Delivery {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'deliveries_pkey' }) id: string;
  @Column('uuid') tenantId: string;
  @Column('uuid') eventId: string;
  @Column('uuid') endpointId: string;
  /** The dead letter that this delivery retries, or that was open, or came to be, while it was pending: resolved when it arrives. */
  @Column('uuid', { nullable: true }) deadLetterId: string | null;
  @Column('text') eventType: string;
  @Column('text', { default: 'pending' }) status: DeliveryStatus;
  @Column('text', { nullable: true }) heldBy: HoldReason | null;
  /** Set while a settled delivery has one manual attempt under way: the status that it keeps should that fail. */
  @Column('text', { nullable: true }) settledStatus: DeliveryStatus | null;
  /** It was put off until its tokens are there, and those are its own: it doesn't ask the buckets again. */
  @Column('boolean', { default: false }) tokensBooked: boolean;
  @Column('integer', { default: 0 }) attempts: number;
  @Column('integer') maxAttempts: number;
  /** Goes up each time the delivery is enqueued; a job or outcome of an older lease is void. */
  @Column('integer', { default: 0 }) leaseNo: number;
  /** Not null: in the queue or under way; enqueued again when it runs out. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) leasedUntil: Date | null;
  /** Null while it waits for something other than a time: a settled delivery, or one held with no end in sight. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) nextAttemptAt: Date | null;
  @Column('integer', { nullable: true }) lastStatusCode: number | null;
  @Column('text', { nullable: true }) lastError: string | null;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) createdAt: Date;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) completedAt: Date | null;
}

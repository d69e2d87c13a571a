import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Partitioned by day on `id` (see src/database/partitions.ts). */
@Entity('events')
@Index('events_tenant_id_id_idx', ['tenantId', 'id'])
@Index('events_tenant_id_event_type_id_idx', ['tenantId', 'eventType', 'id'])
// A BRIN index with an operator class, which TypeORM has no words for.
@Index('events_source_idx', { synchronize: false })
@Index('events_tenant_id_event_id_idx', ['tenantId', 'eventId'], { where: 'event_id IS NOT NULL' })
export class EventEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'events_pkey' }) id: string;
  @Column('uuid') tenantId: string;
  /** The tenant's own id for the event. */
  @Column('text', { nullable: true }) eventId: string | null;
  @Column('text') eventType: string;
  @Column('text', { nullable: true }) source: string | null;
  /** The payload's own text, byte for byte as it was posted; never parsed and written anew. */
  @Column('text') payload: string;
  /** W3C trace context that each delivery carries on. */
  @Column('text') traceparent: string;
  @Column({ type: 'timestamptz', precision: 3 }) createdAt: Date;
}

import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { BodyFormat } from '../endpoints/endpoint.entity.js';

export type AttemptOutcome = 'succeeded' | 'failed';

/** Partitioned by day on `id` (see src/database/partitions.ts). */
@Entity('delivery_attempts')
@Index('delivery_attempts_delivery_id_idx', ['deliveryId'])
@Check('delivery_attempts_outcome_check', `outcome IN ('succeeded', 'failed')`)
export class DeliveryAttempt {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'delivery_attempts_pkey' }) id: string;
  @Column('uuid') tenantId: string;
  @Column('uuid') deliveryId: string;
  @Column('uuid') endpointId: string;
  /** Counted from 1. */
  @Column('integer') attempt: number;
  @Column('text') outcome: AttemptOutcome;
  @Column('integer', { nullable: true }) statusCode: number | null;
  @Column('text', { nullable: true }) error: string | null;
  @Column('text') url: string;
  /** As sent, the endpoint's own header values masked. */
  @Column('json') requestHeaders: Record<string, string>;
  /** The body isn't stored again: it is rendered from the event in this format. */
  @Column('text') format: BodyFormat;
  @Column('json', { nullable: true }) responseHeaders: Record<string, string | string[]> | null;
  @Column('text', { nullable: true }) responseBody: string | null;
  @Column('boolean', { default: false }) responseTruncated: boolean;
  @Column('integer') durationMs: number;
  /** When the attempt began, on the database's clock. */
  @Column({ type: 'timestamptz', precision: 3 }) createdAt: Date;
}

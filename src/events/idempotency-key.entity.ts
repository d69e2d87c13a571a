import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Which name space a key belongs to: the event's own `event_id`, or the `Idempotency-Key` header. */
export const IDEMPOTENCY_KINDS = ['event_id', 'header'] as const;
export type IdempotencyKind = (typeof IDEMPOTENCY_KINDS)[number];

/** A table of its own because a unique key can't span the partitions of `events`. */
@Entity('idempotency_keys')
@Index('idempotency_keys_expires_at_idx', ['expiresAt'])
export class IdempotencyKey {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'idempotency_keys_pkey' }) tenantId: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_keys_pkey' }) kind: IdempotencyKind;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_keys_pkey' }) key: string;
  /** The event that was accepted under this key. */
  @Column('uuid') eventId: string;
  /** SHA-256 over what was posted: tells a repeated post from another event under the same key. */
  @Column('bytea') contentHash: Buffer;
  /** What the first answer said. */
  @Column('integer') deliveries: number;
  @Column('text', { nullable: true }) ownEventId: string | null;
  @Column({ type: 'timestamptz', precision: 3 }) expiresAt: Date;
}

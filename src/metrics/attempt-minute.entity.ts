import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An endpoint's attempts of one minute. */
@Entity('attempt_minutes')
export class AttemptMinute {
  @Column('uuid') tenantId: string;
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'attempt_minutes_pkey' }) endpointId: string;
  @PrimaryColumn({ type: 'timestamptz', precision: 0, primaryKeyConstraintName: 'attempt_minutes_pkey' }) minute: Date;
  @Column('integer') succeeded: number;
  @Column('integer') failed: number;
  /** Attempts by latency bucket; the buckets' bounds are in src/stats/latency-buckets.ts. */
  @Column('integer', { array: true }) latencyCounts: number[];
  /** The last of this minute's. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) lastSuccessAt: Date | null;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) lastFailureAt: Date | null;
}

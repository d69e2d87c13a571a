import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A session that was signed out of before its time. */
@Entity('ended_sessions')
export class EndedSession {
  /** The id (`jti`) of its token. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'ended_sessions_pkey' }) id: string;
  /** When its token would have ended, and nobody needs to know any more. */
  @Column({ type: 'timestamptz', precision: 3 }) expiresAt: Date;
}

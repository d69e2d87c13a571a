import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { DeadLetterReason } from '../dead-letters/dead-letter.entity.js';
import { Tenant } from '../tenants/tenant.entity.js';

export type ReplayKind = 'endpoint' | 'dead_letters';
export type ReplayStatus = 'running' | 'completed' | 'failed';

/** Which of its deliveries an endpoint gets again; `missing`: those that it never got. */
export const REPLAYED_STATUSES = ['succeeded', 'dead_letter', 'cancelled', 'missing'] as const;
export type ReplayedStatus = (typeof REPLAYED_STATUSES)[number];

/** Items are those with `fromId < id <= throughId`: `throughId` is the last that there was when somebody asked. */
export interface IdRange {
  fromId: string;
  throughId: string;
}

export interface EndpointReplayFilter extends IdRange {
  /** Null: every event that the endpoint wants. */
  status: ReplayedStatus | null;
  /** The types of event that the endpoint wanted when somebody asked; only where events are what is replayed. */
  eventTypes: string[] | null;
}

export interface DeadLetterFilter extends IdRange {
  endpointId: string | null;
  eventType: string | null;
  reason: DeadLetterReason | null;
}

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
  /** Of the kind `endpoint`, whose filter is an `EndpointReplayFilter`; else null, with a `DeadLetterFilter`. */
  @Column('uuid', { nullable: true }) endpointId: string | null;
  /** What the request asked for, as it was understood: fixed bounds of ids, so that what comes later doesn't count. */
  @Column('jsonb') filter: EndpointReplayFilter | DeadLetterFilter;
  @Column('text', { default: 'running' }) status: ReplayStatus;
  /** Items found when somebody asked. */
  @Column('integer') total: number;
  /** Fresh deliveries made. */
  @Column('integer', { default: 0 }) done: number;
  /** Items that could not be replayed. */
  @Column('integer', { default: 0 }) failed: number;
  /** The last event, delivery or dead letter that was dealt with: where a crashed run goes on. */
  @Column('uuid', { nullable: true }) lastId: string | null;
  /** For people; null unless `failed`. */
  @Column('text', { nullable: true }) error: string | null;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) createdAt: Date;
  /** When its last chunk was done. Paces it, and tells whose turn it is. */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) updatedAt: Date;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) finishedAt: Date | null;
}

import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Endpoint } from '../endpoints/endpoint.entity.js';

export const CIRCUIT_STATES = ['closed', 'open', 'half_open'] as const;
export type CircuitState = (typeof CIRCUIT_STATES)[number];

/** An endpoint's circuit; there is a row only when it has ever failed. */
@Entity('endpoint_circuits')
@Index('endpoint_circuits_next_probe_at_idx', ['nextProbeAt'], { where: `state <> 'closed'` })
@Check('endpoint_circuits_state_check', `state IN ('closed', 'open', 'half_open')`)
export class EndpointCircuit {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'endpoint_circuits_pkey' })
  @ForeignKey(() => Endpoint, { name: 'endpoint_circuits_endpoint_id_fkey', onDelete: 'CASCADE' })
  endpointId: string;
  @Column('uuid') tenantId: string;
  @Column('text', { default: 'closed' }) state: CircuitState;
  @Column('integer', { default: 0 }) consecutiveFailures: number;
  /** The first of the failures since the last success. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) failingSince: Date | null;
  /** The last success that was written down: those of a healthy endpoint are not. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) lastSuccessAt: Date | null;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) lastFailureAt: Date | null;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) openedAt: Date | null;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) closedAt: Date | null;
  /** How long the circuit stays open before the next probe; doubles with each probe that fails. */
  @Column('integer', { default: 0 }) openSeconds: number;
  /** While open: when a probe may be made. While half open: when the probe counts as lost. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) nextProbeAt: Date | null;
  /** While half open: the one delivery that may be sent. */
  @Column('uuid', { nullable: true }) probeDeliveryId: string | null;
}

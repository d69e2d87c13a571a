import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Endpoint } from '../endpoints/endpoint.entity.js';
import type { CircuitState } from './endpoint-circuit.entity.js';

/** A change of an endpoint's circuit, for its history. */
@Entity('circuit_transitions')
@Index('circuit_transitions_endpoint_id_id_idx', ['endpointId', 'id'])
@Check('circuit_transitions_state_check', `state IN ('closed', 'open', 'half_open')`)
export class CircuitTransition {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'circuit_transitions_pkey' }) id: string;
  @Column('uuid')
  @ForeignKey(() => Endpoint, { name: 'circuit_transitions_endpoint_id_fkey', onDelete: 'CASCADE' })
  endpointId: string;
  @Column('text') state: CircuitState;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) createdAt: Date;
}

import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { findCircuitsInForce } from './circuits.query.js';

/** After a circuit closed, its backlog leaves no faster than this many at a time… */
export const RECOVERY_PLACES = 10;
/** …for so long: an endpoint that has just come back must not be knocked over by what it missed. */
export const RECOVERY_SECONDS = 30;

/** What the circuit allows of an endpoint's deliveries: none but a probe, a few at a time, or as many as there is room for. */
export type Passage = 'blocked' | 'slow' | 'free';

/** The circuits that aren't simply closed, as the feeder last saw them. */
@Injectable()
export class CircuitsInForce {
  private blocked = new Map<string, { probeDue: boolean }>();
  private recovering = new Set<string>();

  constructor(@InjectDataSource() private readonly db: DataSource) {}

  async refresh(): Promise<void> {
    const rows = await findCircuitsInForce(this.db, RECOVERY_SECONDS);
    this.blocked = new Map(
      rows.filter(({ state }) => state !== 'closed').map((row) => [row.endpoint_id, { probeDue: row.probe_due }]),
    );
    this.recovering = new Set(rows.filter(({ state }) => state === 'closed').map((row) => row.endpoint_id));
  }

  passage(endpointId: string): Passage {
    if (this.blocked.has(endpointId)) return 'blocked';
    return this.recovering.has(endpointId) ? 'slow' : 'free';
  }

  /** Whether a delivery may go to find out how the endpoint is: one each time the circuits are looked at. */
  takeProbe(endpointId: string): boolean {
    const circuit = this.blocked.get(endpointId);
    if (circuit?.probeDue !== true) return false;
    circuit.probeDue = false;
    return true;
  }
}

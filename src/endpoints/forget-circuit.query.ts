import type { EntityManager } from 'typeorm';

/** Closes an endpoint's circuit and forgets its failures; what waited for it goes on with the feeder's next look. */
export async function forgetCircuit(manager: EntityManager, endpointId: string): Promise<void> {
  await manager.query(`DELETE FROM endpoint_circuits WHERE endpoint_id = $1`, [endpointId]);
}

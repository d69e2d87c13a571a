import type { EntityManager } from 'typeorm';
import { notFound } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { Endpoint } from './endpoint.entity.js';

/** @throws DomainError `not_found`, for another tenant's endpoint too */
export async function findEndpoint(manager: EntityManager, tenantId: string, id: string): Promise<Endpoint> {
  const endpoint = isUuid(id) ? await manager.findOneBy(Endpoint, { tenantId, id }) : null;
  if (endpoint === null) throw notFound('endpoint');
  return endpoint;
}

/**
 * Until the end of the transaction nobody else changes it: two changes at once would each undo the other's.
 * @throws DomainError `not_found`, for another tenant's endpoint too
 */
export async function lockEndpoint(manager: EntityManager, tenantId: string, id: string): Promise<Endpoint> {
  const endpoint = isUuid(id)
    ? await manager.findOne(Endpoint, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } })
    : null;
  if (endpoint === null) throw notFound('endpoint');
  return endpoint;
}

import { DomainError } from '../common/domain-error.js';
import type { Scope } from './api-key.entity.js';
import type { Caller } from './caller.js';

/**
 * Nobody gives what it doesn't have, or else a key that may make keys could make itself one that may do anything.
 * @throws DomainError `missing_scope`
 */
export function refuseMoreThanOwn(caller: Caller, scopes: readonly Scope[]): void {
  const missing = scopes.filter((scope) => !caller.scopes.has(scope));
  if (missing.length === 0) return;
  throw new DomainError('missing_scope', `This API key can't give what it doesn't have: ${missing.join(', ')}.`);
}

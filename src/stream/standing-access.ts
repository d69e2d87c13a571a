import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Scope } from '../api-keys/api-key.entity.js';
import { Authenticator } from '../api-keys/authenticator.js';
import { presentedBy } from '../api-keys/presented.js';
import { DomainError } from '../common/domain-error.js';
import { Config } from '../config/config.js';

/** Whether what let a request in would let it in again: for answers that go on for hours. */
@Injectable()
export class StandingAccess {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly config: Config,
  ) {}

  /** Rejects when it can't be told, as while PostgreSQL is away. */
  async holds(request: FastifyRequest, tenantId: string, scope: Scope): Promise<boolean> {
    const presented = presentedBy(request, this.config.publicUrl);
    if (presented === null) return false;
    try {
      const { caller } = await this.authenticator.authenticate(presented);
      if (caller.kind === 'operator') return (await this.authenticator.operatorFor(tenantId)).tenant?.id === tenantId;
      return caller.tenant?.id === tenantId && caller.scopes.has(scope);
    } catch (error) {
      if (error instanceof DomainError) return false;
      throw error;
    }
  }
}
